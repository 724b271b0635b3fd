/* SPDX-License-Identifier: ISC */
/*
 * err: why something failed, as one small enum that every core module shares.
 *
 * Core never logs and never exits: it says what happened and lets the caller decide whose fault that was.
 */
#ifndef BLUEOX_CORE_ERR_H
#define BLUEOX_CORE_ERR_H

enum bx_err {
	BX_OK,
	BX_ESHORT,   /* the bytes end before the thing does */
	BX_EBAD,     /* the bytes are not what they must be */
	BX_ELIMIT,   /* a stated limit is passed (depth, size, count) */
	BX_EVERSION, /* made by a version newer than this one */
	BX_ESUM,     /* the checksum does not hold */
	BX_ENOMEM,   /* no memory */
	BX_EFULL,    /* no room in a fixed buffer */
	BX_EIO,      /* the operating system said no; errno tells why */
	BX_ERR_COUNT
};

/* A short English phrase, never NULL. */
const char *bx_err_text(enum bx_err err);

#endif
