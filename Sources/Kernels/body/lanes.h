// Vectors of this path and how elements of each type are loaded into them.

#define INLINE static inline __attribute__((always_inline, unused))

typedef float vf __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t vi __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t vu __attribute__((vector_size(VECTOR_BYTES)));
typedef double vd __attribute__((vector_size(VECTOR_BYTES)));
typedef int64_t vl __attribute__((vector_size(VECTOR_BYTES)));
typedef uint16_t vh __attribute__((vector_size(VECTOR_BYTES / 2)));   // as many as vf has
typedef float vfd __attribute__((vector_size(VECTOR_BYTES / 2)));     // as many as vd has

#if FUSED
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma((a), (b), (c))
#else
// Without the instruction the builtin becomes a call for every lane.
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

INLINE vf PATH(widen)(vh h) { return (vf)(__builtin_convertvector(h, vu) << 16); }

// Numbers below 2⁻¹²⁶ become zeros, as instructions for bfloat16 have it.
INLINE vf PATH(flush)(vf x) {
    vu u = (vu)x, is_small = (vu)((u & 0x7F800000u) == 0);
    return (vf)(u & (~is_small | 0x80000000u));
}

// Round to nearest even; a NaN stays one. The instruction takes what is below 2⁻¹²⁶ for zero.
INLINE vh PATH(narrow)(vf x) {
#if PAIR_INSTRUCTION
    return (vh)_mm512_cvtneps_pbh((__m512)x);
#else
#if PAIRS
    x = PATH(flush)(x);
#endif
    vu u = (vu)x;
    vu rounded = (u + 0x7FFF + ((u >> 16) & 1)) >> 16;
    vu quiet = (u >> 16) | 0x40;
    vu is_nan = (vu)(x != x);
    return __builtin_convertvector((rounded & ~is_nan) | (quiet & is_nan), vh);
#endif
}

#define LOADER(NAME, T, V, RAW, LANES, CONVERT, BACK) \
    INLINE V PATH(load_##NAME)(const T *p) { RAW r; memcpy(&r, p, sizeof r); return CONVERT(r); } \
    INLINE V PATH(load_part_##NAME)(const T *p, long n) { \
        T t[LANES] = {0}; \
        for (long i = 0; i < n; i++) t[i] = p[i]; \
        return PATH(load_##NAME)(t); \
    } \
    INLINE void PATH(store_##NAME)(T *p, V v) { RAW r = BACK(v); memcpy(p, &r, sizeof r); } \
    INLINE void PATH(store_part_##NAME)(T *p, V v, long n) { \
        T t[LANES]; \
        PATH(store_##NAME)(t, v); \
        for (long i = 0; i < n; i++) p[i] = t[i]; \
    }
#define SAME(v) (v)
LOADER(float32, float, vf, vf, VECTOR_BYTES / 4, SAME, SAME)
LOADER(bfloat16, uint16_t, vf, vh, VECTOR_BYTES / 4, PATH(widen), PATH(narrow))
LOADER(float64, double, vd, vd, VECTOR_BYTES / 8, SAME, SAME)
#undef LOADER

INLINE vf PATH(floats_sum32)(const float *p) { return PATH(load_float32)(p); }
INLINE vd PATH(floats_sum64)(const float *p) {
    vfd r;
    memcpy(&r, p, sizeof r);
    return __builtin_convertvector(r, vd);
}
