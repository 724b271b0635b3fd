/* SPDX-License-Identifier: ISC */
/* bar: counted in half cells; each cell is then empty, its left half, its right half, or full. */
#include "oxview/bar.h"

#include <math.h>

static int
half_cells(double share, int halves)
{
	if (!(share > 0))
		return 0;
	return share < 1 ? (int)lround(share * halves) : halves;
}

void
bar_draw(double from, double to, int cells, bool utf8, struct buf *out)
{
	static const char *const fine[] = {" ", "\xe2\x95\xb8", "\xe2\x95\xba", "\xe2\x94\x81"}; /* none ╸ ╺ ━ */
	static const char *const plain[] = {" ", "-", "-", "="};
	int first = half_cells(from, 2 * cells), last = half_cells(to, 2 * cells);
	if (first >= 2 * cells)
		first = 2 * cells - 1;
	if (last <= first)
		last = first + 1;
	for (int cell = 0; cell < cells; cell++) {
		bool left = first <= 2 * cell && 2 * cell < last;
		bool right = first <= 2 * cell + 1 && 2 * cell + 1 < last;
		buf_puts(out, (utf8 ? fine : plain)[left + 2 * right]);
	}
}
