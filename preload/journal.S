/* SPDX-License-Identifier: ISC */
/*
 * journal: the two calls of libsystemd that take any number of arguments and cannot be handed on from C.  All that may hold
 * one is saved, noted, put back, and the real function is jumped to, which finds stack and registers as its caller left
 * them (see wrap_journal.c for what is at regs).
 *
 *     rsp -> rdi rsi rdx rcx r8 r9 xmm0 ... xmm7 rax    as a va_list's reg_save_area has them
 *     rbp -> rbp, return address, arguments on the stack
 */
#ifdef __x86_64__
	.macro	variadic name, note
	.globl	\name
	.type	\name, @function
	.hidden	\note
	.p2align 4
\name:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	subq	$192, %rsp
	movq	%rdi, (%rsp)
	movq	%rsi, 8(%rsp)
	movq	%rdx, 16(%rsp)
	movq	%rcx, 24(%rsp)
	movq	%r8, 32(%rsp)
	movq	%r9, 40(%rsp)
	movaps	%xmm0, 48(%rsp)
	movaps	%xmm1, 64(%rsp)
	movaps	%xmm2, 80(%rsp)
	movaps	%xmm3, 96(%rsp)
	movaps	%xmm4, 112(%rsp)
	movaps	%xmm5, 128(%rsp)
	movaps	%xmm6, 144(%rsp)
	movaps	%xmm7, 160(%rsp)
	movq	%rax, 176(%rsp)
	movq	%rsp, %rdi
	leaq	16(%rbp), %rsi
	movq	8(%rbp), %rdx
	call	\note
	movq	%rax, %r11
	movq	(%rsp), %rdi
	movq	8(%rsp), %rsi
	movq	16(%rsp), %rdx
	movq	24(%rsp), %rcx
	movq	32(%rsp), %r8
	movq	40(%rsp), %r9
	movaps	48(%rsp), %xmm0
	movaps	64(%rsp), %xmm1
	movaps	80(%rsp), %xmm2
	movaps	96(%rsp), %xmm3
	movaps	112(%rsp), %xmm4
	movaps	128(%rsp), %xmm5
	movaps	144(%rsp), %xmm6
	movaps	160(%rsp), %xmm7
	movq	176(%rsp), %rax
	leave
	.cfi_def_cfa %rsp, 8
	jmp	*%r11
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.text
	variadic sd_journal_send, journal_note_send
	variadic sd_journal_send_with_location, journal_note_send_with_location
#endif
	.section .note.GNU-stack, "", @progbits
