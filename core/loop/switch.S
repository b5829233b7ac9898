/* SPDX-License-Identifier: Apache-2.0
 *
 * switch_stack(void **save_sp, void *load_sp): pushes what a callee must preserve, stores the stack
 * pointer, takes the other one and pops. The layout below the saved stack pointer is shared with
 * switch_asm.c, which builds the first one by hand, and with sdk/gdb/troupe-gdb.py.
 *
 * The CFI describes every instruction, so gdb, perf and backtrace() unwind through a switch;
 * switch_start marks its own return address undefined, which is where they all stop.
 *
 * The floating-point control state is loaded only where it differs. The lower six bits of mxcsr are
 * exception flags, which belong to the caller and differ between two contexts as soon as one of them
 * has rounded something; loading a changed mxcsr costs ten times the rest of a switch.
 *
 * x86-64 leaves by `pop; jmp` and not by `ret`: the return predictor has another stack's calls in
 * mind and would miss every time. No shadow-stack note is set: the linker then leaves user shadow
 * stacks off for the binary, which is right, since nothing here maintains one.
 */

#if defined(__x86_64__)

    .text
    .p2align 4
    .globl switch_stack
    .hidden switch_stack
    .type switch_stack, @function
switch_stack:
    .cfi_startproc
    endbr64
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    movl (%rsp), %eax
    movzwl 4(%rsp), %ecx
    movq %rsp, (%rdi)
    /* From here on the other stack: the same layout, so the same CFI holds. */
    movq %rsi, %rsp
    xorl (%rsp), %eax
    xorw 4(%rsp), %cx
    andl $~0x3f, %eax
    orl %ecx, %eax
    jne .Lload_control
.Lcontrol_loaded:
    addq $8, %rsp
    .cfi_adjust_cfa_offset -8
    popq %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r15
    popq %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r14
    popq %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    popq %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    popq %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    popq %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbp
    popq %rdx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rdx
    jmp *%rdx
    .cfi_endproc
    .cfi_startproc
    .cfi_def_cfa_offset 64
    .cfi_offset %rbp, -16
    .cfi_offset %rbx, -24
    .cfi_offset %r12, -32
    .cfi_offset %r13, -40
    .cfi_offset %r14, -48
    .cfi_offset %r15, -56
.Lload_control:
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    jmp .Lcontrol_loaded
    .cfi_endproc
    .size switch_stack, . - switch_stack

    /* First entry: r12 is the function, r13 its argument. */
    .p2align 4
    .globl switch_start
    .hidden switch_start
    .type switch_start, @function
switch_start:
    .cfi_startproc
    .cfi_undefined %rip
    endbr64
    movq %r13, %rdi
    xorl %ebp, %ebp
    call *%r12
    ud2
    .cfi_endproc
    .size switch_start, . - switch_start

#elif defined(__aarch64__)

    .text
    .p2align 4
    .globl switch_stack
    .hidden switch_stack
    .type switch_stack, %function
switch_stack:
    .cfi_startproc
    hint #34 /* bti c */
    sub sp, sp, #176
    .cfi_adjust_cfa_offset 176
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    .cfi_offset x19, -176
    .cfi_offset x20, -168
    .cfi_offset x21, -160
    .cfi_offset x22, -152
    .cfi_offset x23, -144
    .cfi_offset x24, -136
    .cfi_offset x25, -128
    .cfi_offset x26, -120
    .cfi_offset x27, -112
    .cfi_offset x28, -104
    .cfi_offset x29, -96
    .cfi_offset x30, -88
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mrs x9, fpcr
    str x9, [sp, #160]
    mov x9, sp
    str x9, [x0]
    /* From here on the other stack. */
    mov sp, x1
    ldr x10, [sp, #160]
    mrs x9, fpcr
    cmp x9, x10
    b.eq 1f
    msr fpcr, x10
1:
    ldp d14, d15, [sp, #144]
    ldp d12, d13, [sp, #128]
    ldp d10, d11, [sp, #112]
    ldp d8, d9, [sp, #96]
    ldp x29, x30, [sp, #80]
    ldp x27, x28, [sp, #64]
    ldp x25, x26, [sp, #48]
    ldp x23, x24, [sp, #32]
    ldp x21, x22, [sp, #16]
    ldp x19, x20, [sp]
    .cfi_restore x19
    .cfi_restore x20
    .cfi_restore x21
    .cfi_restore x22
    .cfi_restore x23
    .cfi_restore x24
    .cfi_restore x25
    .cfi_restore x26
    .cfi_restore x27
    .cfi_restore x28
    .cfi_restore x29
    .cfi_restore x30
    add sp, sp, #176
    .cfi_adjust_cfa_offset -176
    ret
    .cfi_endproc
    .size switch_stack, . - switch_stack

    /* First entry: x19 is the function, x20 its argument. */
    .p2align 4
    .globl switch_start
    .hidden switch_start
    .type switch_start, %function
switch_start:
    .cfi_startproc
    .cfi_undefined x30
    hint #36 /* bti j */
    mov x0, x20
    mov x29, #0
    mov x30, #0
    blr x19
    brk #1
    .cfi_endproc
    .size switch_start, . - switch_start

#else
#error "no assembly for this processor: configure with --enable-switch=ucontext"
#endif

    .section .note.GNU-stack, "", %progbits
