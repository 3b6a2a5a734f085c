/*
 * x86-64: memcpy, memmove, memset.
 *
 * `rep movsq`/`stosq` for long blocks (microcode or one loop step per 8 bytes), overlapping
 * 8-byte moves for short ones: no byte loops. The kernel uses no SIMD registers.
 * Measured against plain C loops by the self test memory_bench.
 */
.section .text.memory, "ax"

.globl memcpy, memmove, memset

/* void *memmove(void *to, const void *from, size_t size) */
.balign 16
memmove:
    movq %rdi, %rax
    subq %rsi, %rax
    cmpq %rdx, %rax                     /* to - from < size (unsigned): copy from the end */
    jb move_backward
.balign 16
memcpy:
    movq %rdi, %rax
    cmpq $16, %rdx
    jb copy_small
    cmpq $128, %rdx
    ja copy_long
    /* 16 to 128: pairs of words, the last pair overlapping. Loads before stores keep memmove
       right when the blocks overlap forwards by less than a pair. */
    movq -16(%rsi, %rdx), %r10
    movq -8(%rsi, %rdx), %r11
    leaq -16(%rdi, %rdx), %rcx
1:  movq (%rsi), %r8
    movq 8(%rsi), %r9
    movq %r8, (%rdi)
    movq %r9, 8(%rdi)
    addq $16, %rsi
    addq $16, %rdi
    cmpq %rcx, %rdi
    jb 1b
    movq %r10, (%rcx)
    movq %r11, 8(%rcx)
    ret

copy_long:
    movq -8(%rsi, %rdx), %r10           /* the odd end, before it may be overwritten */
    leaq -8(%rdi, %rdx), %r11
    movq %rdx, %rcx
    shrq $3, %rcx
    rep movsq
    movq %r10, (%r11)
    ret

copy_small:
    cmpq $8, %rdx
    jb 1f
    movq (%rsi), %r8
    movq -8(%rsi, %rdx), %r9
    movq %r8, (%rdi)
    movq %r9, -8(%rdi, %rdx)
    ret
1:  cmpq $4, %rdx
    jb 2f
    movl (%rsi), %r8d
    movl -4(%rsi, %rdx), %r9d
    movl %r8d, (%rdi)
    movl %r9d, -4(%rdi, %rdx)
    ret
2:  testq %rdx, %rdx
    jz 3f
    movzbl (%rsi), %r8d                 /* 1 to 3 bytes: first, middle, last */
    movzbl -1(%rsi, %rdx), %r9d
    movq %rdx, %rcx
    shrq $1, %rcx
    movzbl (%rsi, %rcx), %r10d
    movb %r8b, (%rdi)
    movb %r10b, (%rdi, %rcx)
    movb %r9b, -1(%rdi, %rdx)
3:  ret

move_backward:
    movq %rdi, %rax
    cmpq $16, %rdx
    jb copy_small                       /* loads everything before it stores */
    movq (%rsi), %r10                   /* the odd beginning */
    movq 8(%rsi), %r11
    addq %rdx, %rsi
    addq %rdi, %rdx
    leaq 16(%rdi), %rcx
1:  movq -8(%rsi), %r8
    movq -16(%rsi), %r9
    movq %r8, -8(%rdx)
    movq %r9, -16(%rdx)
    subq $16, %rsi
    subq $16, %rdx
    cmpq %rcx, %rdx
    ja 1b
    movq %r10, (%rdi)
    movq %r11, 8(%rdi)
    ret

/* void *memset(void *to, int byte, size_t size) */
.balign 16
memset:
    movq %rdi, %r9
    movzbl %sil, %eax
    movabsq $0x0101010101010101, %r8
    imulq %r8, %rax
    cmpq $16, %rdx
    jb set_small
    movq %rax, -8(%rdi, %rdx)
    movq %rax, -16(%rdi, %rdx)
    movq %rdx, %rcx
    shrq $3, %rcx
    rep stosq
    movq %r9, %rax
    ret

set_small:
    cmpq $8, %rdx
    jb 1f
    movq %rax, (%rdi)
    movq %rax, -8(%rdi, %rdx)
    movq %r9, %rax
    ret
1:  cmpq $4, %rdx
    jb 2f
    movl %eax, (%rdi)
    movl %eax, -4(%rdi, %rdx)
    movq %r9, %rax
    ret
2:  testq %rdx, %rdx
    jz 3f
    movb %al, (%rdi)
    movb %al, -1(%rdi, %rdx)
    shrq $1, %rdx
    movb %al, (%rdi, %rdx)
3:  movq %r9, %rax
    ret
