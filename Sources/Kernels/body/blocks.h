// Expands matrices in blocks, 32 elements at a time, with the bits of the formats' references.
//
// ggml's scales have 11 bits and its quants few, so that products of them are exact in float32 (but
// for Q6_K, which has no sum): fusing a product with a sum changes no bit.

INLINE float PATH(half)(const uint8_t *p) {
#if PERMUTES_WORDS
    uint16_t h;
    memcpy(&h, p, 2);
    return _cvtsh_ss(h);
#else
    uint32_t bits = (uint32_t)(p[0] | p[1] << 8) << 16, magnitude = bits + bits;
    uint32_t n = (magnitude >> 4) + (0xE0u << 23), s = (magnitude >> 17) | (126u << 23);
    float normal, subnormal, chosen;
    memcpy(&normal, &n, 4);
    memcpy(&subnormal, &s, 4);
    chosen = magnitude < 1u << 27 ? subnormal - 0.5f : normal * 0x1p-112f;
    return bits >> 31 ? -chosen : chosen;
#endif
}

// Rounds to bfloat16; no weight is so small that the instruction takes it for zero.
INLINE vh PATH(round_weights)(vf v) {
#if PAIR_INSTRUCTION
    return (vh)_mm512_cvtneps_pbh((__m512)v);
#else
    return PATH(narrow)(v);
#endif
}

INLINE void PATH(put_vector)(void *d, const int type, long at, vf v) {
    vh narrow;
    if (type == FLEDGE_FLOAT32) {
        PATH(store_float32)((float *)d + at, v);
        return;
    }
    narrow = PATH(round_weights)(v);
    memcpy((uint16_t *)d + at, &narrow, sizeof narrow);
}

// 32 floats as elements of a type.
INLINE void PATH(put_group)(void *d, const int type, const float *x) {
    for (int i = 0; i < 32; i += VECTOR_BYTES / 4)
        PATH(put_vector)(d, type, i, PATH(load_float32)(x + i));
}

typedef int8_t PATH(some_bytes) __attribute__((vector_size(VECTOR_BYTES / 4)));

// 32 signed bytes times a scale.
INLINE void PATH(put_bytes)(void *d, const int type, const void *b, float scale) {
    for (int i = 0; i < 32; i += VECTOR_BYTES / 4) {
        PATH(some_bytes) bytes;
        memcpy(&bytes, (const char *)b + i, sizeof bytes);
        PATH(put_vector)(d, type, i, __builtin_convertvector(bytes, vf) * scale);
    }
}

// The 16 values that four bits can have in a block.
typedef struct PATH(levels) { vf v[64 / VECTOR_BYTES]; } PATH(levels);

// offset + scale·(i - least) for the number i of each level.
INLINE PATH(levels) PATH(even_levels)(float scale, float offset, int least) {
    PATH(levels) levels;
    for (int i = 0; i < 64 / VECTOR_BYTES; i++) {
        vf number;
        for (int l = 0; l < VECTOR_BYTES / 4; l++)
            number[l] = (float)(i * (VECTOR_BYTES / 4) + l - least);
        // Without an offset nothing is added, which would lose the sign of zero.
        levels.v[i] = least ? number * scale : MULTIPLY_ADD(number, scale - (vf){}, offset - (vf){});
    }
    return levels;
}

// The order that 32 four-bit numbers lie in 16 bytes in.
enum { PATH(neighbours), PATH(halves) };

// 32 elements, each one of 16 levels.
INLINE void PATH(put_levels)(
    void *d, const int type, const uint8_t *b, PATH(levels) levels, const int order) {
#if PERMUTES_WORDS
    if (type == FLEDGE_BFLOAT16) {
        __m256i table = (__m256i)PATH(round_weights)(levels.v[0]);
        __m512i index;
        __m128i bytes = _mm_loadu_si128((const __m128i *)b);
        if (order == PATH(neighbours)) {
            __m512i v = _mm512_cvtepu8_epi32(bytes);
            index = _mm512_or_si512(_mm512_srli_epi32(v, 4), _mm512_slli_epi32(v, 16));
        } else {
            __m256i v = _mm256_cvtepu8_epi16(bytes);
            index = _mm512_inserti64x4(_mm512_castsi256_si512(v), _mm256_srli_epi16(v, 4), 1);
        }
        // Five bits of an index count: the table is there twice.
        _mm512_storeu_si512(d, _mm512_permutexvar_epi16(index, _mm512_broadcast_i64x4(table)));
        return;
    }
#endif
    float x[32], level[16];
    memcpy(level, &levels, sizeof level);
    if (order == PATH(neighbours))
        for (int i = 0; i < 16; i++) {
            x[2 * i] = level[b[i] >> 4];
            x[2 * i + 1] = level[b[i] & 15];
        }
    else
        for (int i = 0; i < 16; i++) {
            x[i] = level[b[i] & 15];
            x[i + 16] = level[b[i] >> 4];
        }
    PATH(put_group)(d, type, x);
}

#include "blocks_ggml.h"
#include "blocks_codes.h"

#define GROUP(format, group) \
    case format: PATH(group)(d, type, (const uint8_t *)m->data + row * m->row_bytes, at / 32); break;
INLINE void PATH(expand_group)(
    void *d, const int type, const fledge_blocks *m, const int format, long row, long at) {
    switch (format) {
    case FLEDGE_CODES: PATH(codes)(d, type, m, (row * m->columns + at) / 32); break;
    case FLEDGE_INT8: PATH(bytes)(d, type, m, row, at); break;
    GROUP(FLEDGE_Q4_0, q4_0)
    GROUP(FLEDGE_Q4_1, q4_1)
    GROUP(FLEDGE_Q5_0, q5_0)
    GROUP(FLEDGE_Q5_1, q5_1)
    GROUP(FLEDGE_Q8_0, q8_0)
    GROUP(FLEDGE_Q2_K, q2_K)
    GROUP(FLEDGE_Q3_K, q3_K)
    GROUP(FLEDGE_Q4_K, q4_K)
    GROUP(FLEDGE_Q5_K, q5_K)
    GROUP(FLEDGE_Q6_K, q6_K)
    }
}
#undef GROUP

// A run of a row: whole groups, and parts of groups at its ends.
INLINE void PATH(expand_run)(
    char *d, const int type, const fledge_blocks *m, const int format, long row, long begin,
    long count) {
    const long size = type == FLEDGE_FLOAT32 ? 4 : 2;
    // Groups of codes are counted through all rows.
    long shift = format == FLEDGE_CODES ? row * m->columns % 32 : 0;
    long at = begin, end = begin + count;
    if ((at + shift) % 32 == 0)
        for (; at + 32 <= end; at += 32, d += 32 * size)
            PATH(expand_group)(d, type, m, format, row, at);
    while (at < end) {
        long skip = (at + shift) % 32, n = 32 - skip < end - at ? 32 - skip : end - at;
        if (n == 32) PATH(expand_group)(d, type, m, format, row, at);
        else {
            char part[128];
            PATH(expand_group)(part, type, m, format, row, at - skip);
            memcpy(d, part + skip * size, n * size);
        }
        d += n * size;
        at += n;
    }
}

#define CASE(format) \
    case format: \
        if (type == FLEDGE_FLOAT32) \
            PATH(expand_run)(d, FLEDGE_FLOAT32, m, format, row, begin, count); \
        else PATH(expand_run)(d, FLEDGE_BFLOAT16, m, format, row, begin, count); \
        break;
static void PATH(expand)(
    void *d, int type, const fledge_blocks *m, int format, long row, long begin, long count) {
    if (type == FLEDGE_FLOAT64) {
        float x[64];
        for (long done = 0; done < count; done += 64) {
            long n = count - done < 64 ? count - done : 64;
            PATH(expand)(x, FLEDGE_FLOAT32, m, format, row, begin + done, n);
            for (long i = 0; i < n; i++) ((double *)d)[done + i] = x[i];
        }
        return;
    }
    switch (format) {
    CASE(FLEDGE_CODES)
    CASE(FLEDGE_INT8)
    CASE(FLEDGE_Q4_0)
    CASE(FLEDGE_Q4_1)
    CASE(FLEDGE_Q5_0)
    CASE(FLEDGE_Q5_1)
    CASE(FLEDGE_Q8_0)
    CASE(FLEDGE_Q2_K)
    CASE(FLEDGE_Q3_K)
    CASE(FLEDGE_Q4_K)
    CASE(FLEDGE_Q5_K)
    CASE(FLEDGE_Q6_K)
    }
}
#undef CASE
