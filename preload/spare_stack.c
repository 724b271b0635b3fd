/* SPDX-License-Identifier: ISC */
#include "preload/spare_stack.h"

#include <sys/mman.h>
#include <ucontext.h>

bool
spare_stack_is_needed(const void *context, long needed)
{
	char here;
	const stack_t *host = &((const ucontext_t *)context)->uc_stack;
	const char *low = host->ss_sp;
	if ((host->ss_flags & SS_DISABLE) || &here < low || &here >= low + host->ss_size)
		return false;
	return &here - low < needed;
}

struct call {
	stack_t spare;
	handle *handler;
	siginfo_t *info;
	void *context;
	int number;
};

/* On the spare stack: only from there may the alternate stack be changed. */
static __attribute__((used)) void
run(const struct call *call)
{
	sigaltstack(&call->spare, NULL);
	call->handler(call->number, call->info, call->context);
}

/* Keeps the old stack pointer in a register that a called function keeps. */
#ifdef __x86_64__
static void
run_at(void *top, const struct call *call)
{
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "movq %[top], %%rsp\n\t"
			 "callq *%[run]\n\t"
			 "movq %%rbx, %%rsp"
			 : "+D"(call), [top] "+r"(top)
			 : [run] "r"(run)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "cc", "memory");
}
#elif defined __aarch64__
static void
run_at(void *top, const struct call *call)
{
	register const struct call *first __asm__("x0") = call;
	__asm__ volatile("mov x19, sp\n\t"
			 "mov sp, %[top]\n\t"
			 "blr %[run]\n\t"
			 "mov sp, x19"
			 : "+r"(first)
			 : [top] "r"(top), [run] "r"(run)
			 : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
			 "x15", "x16", "x17", "x18", "x19", "x30", "cc", "memory");
}
#endif

void
spare_stack_run(long bytes, handle *handler, int number, siginfo_t *info, void *context)
{
#if defined __x86_64__ || defined __aarch64__
	size_t size = (size_t)bytes;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (memory != MAP_FAILED) {
		struct call call = {{.ss_sp = memory, .ss_size = size}, handler, info, context, number};
		run_at(memory + size, &call);
		sigaltstack(&((const ucontext_t *)context)->uc_stack, NULL);
		munmap(memory, size);
		return;
	}
#else
	(void)bytes;
#endif
	handler(number, info, context);
}
