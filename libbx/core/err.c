/* SPDX-License-Identifier: ISC */
/* err: the phrases, in the order of the enum. */
#include "libbx/core/err.h"

static const char *const texts[BX_ERR_COUNT] = {
    [BX_OK] = "no error",
    [BX_ESHORT] = "ends too early",
    [BX_EBAD] = "malformed",
    [BX_ELIMIT] = "over a limit",
    [BX_EVERSION] = "made by a newer version",
    [BX_ESUM] = "checksum does not match",
    [BX_ENOMEM] = "out of memory",
    [BX_EFULL] = "does not fit",
    [BX_EIO] = "input/output error",
};

const char *
bx_err_text(enum bx_err err)
{
	return (unsigned)err < BX_ERR_COUNT ? texts[err] : "unknown error";
}
