/* Which variant of separable.c this processor runs. */

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#if defined(__x86_64__)
#include <cpuid.h>

/* Bits of XCR0: register halves that the operating system saves. */
static unsigned saved_registers(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#endif

/* Bytes of the widest registers that separable.c is compiled for and the processor has. */
EXPORT int vector_bytes(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_FMA))
        return 16;
    const unsigned saved = saved_registers();
    if ((saved & 0x6) != 0x6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 16;
    const unsigned wide = bit_AVX2 | bit_BMI | bit_BMI2;
    const unsigned widest = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
    if ((b & wide) != wide)
        return 16;
    return (saved & 0xe6) == 0xe6 && (b & widest) == widest ? 64 : 32;
#else
    return 16;
#endif
}
