/* SPDX-License-Identifier: ISC */
/* control: whatever a request's map holds, a key is found or not, and text fits where it is put. */
/* LIBS: oxd/control_request.c */
#include "oxd/control_command.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const keys[] = {"cmd", "to", "", "peer"};
	uint8_t *copy = exact_copy(data, n);
	struct bytes request = {copy, n};
	if (mp_is_one_map(copy, n)) {
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
			char text[8];
			struct mp_token t;
			bool found = control_get(request, keys[i], &t);
			bool is_text = control_get_text(request, keys[i], text, sizeof text);
			MUST(!is_text || (found && strlen(text) == t.len && t.len < sizeof text));
		}
	}
	free(copy);
	return 0;
}
