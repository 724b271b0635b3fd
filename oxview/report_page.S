/* SPDX-License-Identifier: ISC */
/* report_page: the file that scripts/report-page wrote.  REPORT_PAGE is its name, from the Makefile. */
	.section .rodata
	.globl	report_page_text
	.globl	report_page_size
	.hidden	report_page_text
	.hidden	report_page_size
report_page_text:
	.incbin	REPORT_PAGE
1:	.p2align 3
report_page_size:
	.quad	1b - report_page_text
	.section .note.GNU-stack, "", @progbits
