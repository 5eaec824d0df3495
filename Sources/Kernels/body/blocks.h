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

// The half in every lane.
INLINE vf PATH(half_lanes)(const uint8_t *p) {
#if PERMUTES_WORDS
    uint16_t h;
    memcpy(&h, p, 2);
    return (vf)_mm512_cvtph_ps(_mm256_set1_epi16((short)h));
#else
    return PATH(half)(p) - (vf){};
#endif
}

// Two halves that follow each other.
INLINE void PATH(half_lanes_pair)(const uint8_t *p, vf *first, vf *second) {
#if PERMUTES_WORDS
    int pair;
    memcpy(&pair, p, 4);
    __m512 both = _mm512_cvtph_ps(_mm256_set1_epi32(pair));
    *first = (vf)_mm512_moveldup_ps(both);
    *second = (vf)_mm512_movehdup_ps(both);
#else
    *first = PATH(half_lanes)(p);
    *second = PATH(half_lanes)(p + 2);
#endif
}

INLINE void PATH(put_vector)(void *d, const int type, long at, vf v) {
    if (type == FLEDGE_FLOAT32) PATH(store_float32)((float *)d + at, v);
    else PATH(store_bfloat16)((uint16_t *)d + at, v);
}

// 32 elements.
typedef struct PATH(group) { vf v[128 / VECTOR_BYTES]; } PATH(group);

// A byte a lane, and the lanes' numbers.
INLINE vu PATH(some_numbers)(const uint8_t *b) {
    typedef uint8_t bytes_of_vector __attribute__((vector_size(VECTOR_BYTES / 4)));
    bytes_of_vector bytes;
    memcpy(&bytes, b, sizeof bytes);
    return __builtin_convertvector(bytes, vu);
}
INLINE vu PATH(lane_numbers)(void) {
    vu numbers;
    for (int l = 0; l < VECTOR_BYTES / 4; l++) numbers[l] = (uint32_t)l;
    return numbers;
}

INLINE PATH(group) PATH(group_of)(const float *x) {
    PATH(group) group;
    memcpy(&group, x, sizeof group);
    return group;
}

typedef int8_t PATH(some_bytes) __attribute__((vector_size(VECTOR_BYTES / 4)));

// 32 signed bytes times a scale.
INLINE PATH(group) PATH(scaled_bytes)(const void *b, vf scale) {
    PATH(group) group;
    for (int i = 0; i < 128 / VECTOR_BYTES; i++) {
        PATH(some_bytes) bytes;
        memcpy(&bytes, (const char *)b + i * sizeof bytes, sizeof bytes);
        group.v[i] = __builtin_convertvector(bytes, vf) * scale;
    }
    return group;
}

// The 16 values that four bits can have in a block.
typedef struct PATH(levels) { vf v[64 / VECTOR_BYTES]; } PATH(levels);

// offset + scale·(i - least) for the number i of each level. Without an offset nothing is added,
// which would lose the sign of zero.
INLINE PATH(levels) PATH(levels_from)(vf scale, vf offset, const int least, const int adds) {
    PATH(levels) levels;
    for (int i = 0; i < 64 / VECTOR_BYTES; i++) {
        vf number;
        for (int l = 0; l < VECTOR_BYTES / 4; l++)
            number[l] = (float)(i * (VECTOR_BYTES / 4) + l - least);
        levels.v[i] = adds ? MULTIPLY_ADD(number, scale, offset) : number * scale;
    }
    return levels;
}

// The order that 32 four-bit numbers lie in 16 bytes in.
enum { PATH(neighbours), PATH(halves) };

// 32 elements, each one of 16 levels.
typedef struct PATH(leveled) {
    const uint8_t *numbers;
    PATH(levels) levels;
} PATH(leveled);

INLINE PATH(group) PATH(choose_levels)(PATH(leveled) from, const int order) {
    const uint8_t *b = from.numbers;
#if PERMUTES_WORDS
    __m128i bytes = _mm_loadu_si128((const __m128i *)b);
    __m512i first, second;   // four bits of an index count
    if (order == PATH(neighbours)) {
        __m512i low = _mm512_cvtepu8_epi64(bytes);
        __m512i high = _mm512_cvtepu8_epi64(_mm_srli_si128(bytes, 8));
        first = _mm512_or_si512(_mm512_srli_epi64(low, 4), _mm512_slli_epi64(low, 32));
        second = _mm512_or_si512(_mm512_srli_epi64(high, 4), _mm512_slli_epi64(high, 32));
    } else {
        first = _mm512_cvtepu8_epi32(bytes);
        second = _mm512_srli_epi32(first, 4);
    }
    __m512 table = (__m512)from.levels.v[0];
    return (PATH(group)){{(vf)_mm512_permutexvar_ps(first, table),
                          (vf)_mm512_permutexvar_ps(second, table)}};
#else
    float x[32], level[16];
    memcpy(level, &from.levels, sizeof level);
    for (int i = 0; i < 16; i++)
        if (order == PATH(neighbours)) {
            x[2 * i] = level[b[i] >> 4];
            x[2 * i + 1] = level[b[i] & 15];
        } else {
            x[i] = level[b[i] & 15];
            x[i + 16] = level[b[i] >> 4];
        }
    return PATH(group_of)(x);
#endif
}

#include "blocks_ggml.h"
#include "blocks_codes.h"

INLINE int PATH(has_levels)(const int format) {
    return format == FLEDGE_CODES || format == FLEDGE_Q4_0 || format == FLEDGE_Q4_1;
}

INLINE PATH(leveled) PATH(leveled_group)(
    const fledge_blocks *m, const int format, long row, long at) {
    const uint8_t *line = m->data + row * m->row_bytes;
    return format == FLEDGE_CODES ? PATH(codes)(m, (row * m->columns + at) / 32)
        : format == FLEDGE_Q4_0 ? PATH(q4_0)(line, (unsigned long)at / 32) : PATH(q4_1)(line, (unsigned long)at / 32);
}

// Elements `at` ..< `at` + 32 of a row.
INLINE PATH(group) PATH(floats_of_group)(
    const fledge_blocks *m, const int format, long row, long at) {
    const uint8_t *line = m->data + row * m->row_bytes;
    switch (format) {
    case FLEDGE_INT8: return PATH(bytes)(m, row, at);
    case FLEDGE_Q5_0: return PATH(q5_0)(line, (unsigned long)at / 32);
    case FLEDGE_Q5_1: return PATH(q5_1)(line, (unsigned long)at / 32);
    case FLEDGE_Q8_0: return PATH(q8_0)(line, (unsigned long)at / 32);
    case FLEDGE_Q2_K: return PATH(q2_K)(line, (unsigned long)at / 32);
    case FLEDGE_Q3_K: return PATH(q3_K)(line, (unsigned long)at / 32);
    case FLEDGE_Q4_K: return PATH(q4_K)(line, (unsigned long)at / 32);
    case FLEDGE_Q5_K: return PATH(q5_K)(line, (unsigned long)at / 32);
    case FLEDGE_Q6_K: return PATH(q6_K)(line, (unsigned long)at / 32);
    default:
        return PATH(choose_levels)(
            PATH(leveled_group)(m, format, row, at),
            format == FLEDGE_CODES ? PATH(neighbours) : PATH(halves));
    }
}

INLINE void PATH(expand_group)(
    void *d, const int type, const fledge_blocks *m, const int format, long row, long at) {
#if PERMUTES_WORDS
    if (type == FLEDGE_BFLOAT16 && PATH(has_levels)(format)) {
        PATH(leveled) from = PATH(leveled_group)(m, format, row, at);
        __m256i table = (__m256i)PATH(narrow)(from.levels.v[0]);
        __m512i index;
        __m128i bytes = _mm_loadu_si128((const __m128i *)from.numbers);
        if (format == FLEDGE_CODES) {
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
    PATH(group) group = PATH(floats_of_group)(m, format, row, at);
    for (int i = 0; i < 128 / VECTOR_BYTES; i++)
        PATH(put_vector)(d, type, i * (VECTOR_BYTES / 4), group.v[i]);
}

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

// Formats of blocks of 32 or 64 elements or whole rows, and those of blocks of 256.
#define GROUP_FORMATS(X) \
    X(FLEDGE_CODES) X(FLEDGE_INT8) X(FLEDGE_Q4_0) X(FLEDGE_Q4_1) X(FLEDGE_Q5_0) X(FLEDGE_Q5_1) \
    X(FLEDGE_Q8_0)
#define WIDE_FORMATS(X) \
    X(FLEDGE_Q2_K) X(FLEDGE_Q3_K) X(FLEDGE_Q4_K) X(FLEDGE_Q5_K) X(FLEDGE_Q6_K)

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
    GROUP_FORMATS(CASE)
    WIDE_FORMATS(CASE)
    }
}
#undef CASE
