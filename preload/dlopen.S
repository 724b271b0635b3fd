/* SPDX-License-Identifier: ISC */
/* dlopen: clears RTLD_DEEPBIND and jumps on, so that the real one sees the host's own return address (see dlopen.c). */
#ifdef __x86_64__
	.text
	.globl	dlopen
	.type	dlopen, @function
	.hidden	dlopen_real
	.hidden	dlopen_flags
	.hidden	dlopen_prepare
	.p2align 4
dlopen:
	.cfi_startproc
	endbr64
	movq	dlopen_real(%rip), %rax
	testq	%rax, %rax
	je	2f
1:	andl	dlopen_flags(%rip), %esi
	jmp	*%rax
2:	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp		/* calls are made with the stack at 16 bytes */
	.cfi_adjust_cfa_offset 8
	call	dlopen_prepare
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	jmp	1b
	.cfi_endproc
	.size	dlopen, . - dlopen
#endif
	.section .note.GNU-stack, "", @progbits
