// Matrix products of bfloat16 with dot products of pairs: depth is counted in pairs of 32 bits.

#define B(name) PATH(name##_pairs)
#define UNIT uint32_t

enum { B(element_bytes) = 2, B(unit_elements) = 2 };

INLINE long B(units)(long depth) { return (depth + 1) / 2; }

// sum + a₁·b₁ + a₀·b₀ in every lane.
INLINE vf B(dot)(vf sum, vu a, vu b) {
#if PAIR_INSTRUCTION
    return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
    vu high = (vu){} + 0xFFFF0000u;
    vf a1 = PATH(flush)((vf)(a & high)), b1 = PATH(flush)((vf)(b & high));
    vf a0 = PATH(flush)((vf)(a << 16)), b0 = PATH(flush)((vf)(b << 16));
    sum = PATH(flush)(MULTIPLY_ADD(a1, b1, PATH(flush)(sum)));
    return PATH(flush)(MULTIPLY_ADD(a0, b0, sum));
#endif
}

// Sums over `depth` pairs of a tile whose right-hand rows lie `b_row` apart, each from zero.
INLINE void B(add_up)(
    const int rows, const int vectors, long depth, const char *a, long a_row, long a_unit,
    const uint32_t *b, long b_row, vf sums[TILE_ROWS][ATTENTION_VECTORS]) {
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++)
            sums[i][j] = (vf){};
    for (long k = 0; k < depth; k++, a += a_unit, b += b_row) {
        vu right[ATTENTION_VECTORS];
        for (int j = 0; j < vectors; j++) memcpy(&right[j], b + j * LANES, sizeof(vu));
        for (int i = 0; i < rows; i++) {
            uint32_t pair;
            memcpy(&pair, a + i * a_row, 4);
            vu left = (vu){} + pair;
            for (int j = 0; j < vectors; j++) sums[i][j] = B(dot)(sums[i][j], left, right[j]);
        }
    }
}

INLINE void B(tile_as)(
    const int rows, const int vectors, long depth, const char *a, long a_row, long a_unit,
    const uint32_t *b, float *c, long c_row, int load) {
    vf sums[TILE_ROWS][ATTENTION_VECTORS];
    B(add_up)(rows, vectors, depth, a, a_row, a_unit, b, vectors * LANES, sums);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) {
            float *at = c + i * c_row + j * LANES;
            PATH(store_float32)(at, load ? PATH(load_float32)(at) + sums[i][j] : sums[i][j]);
        }
}

#define TILE(rows, vectors) \
    B(tile_as)(rows, vectors, depth, a, a_row, a_unit, b, c, c_row, load)
static void B(tile)(
    int rows, int vectors, long depth, const char *a, long a_row, long a_unit, const uint32_t *b,
    float *c, long c_row, int load) {
    if (vectors == 1) ROW_CASES(TILE, 1)
    else ROW_CASES(TILE, TILE_VECTORS)
}
#undef TILE

// Elements (row, depth) and (row, depth + 1) as a pair, zero behind the last depth.
INLINE uint32_t B(pair)(const uint16_t *x, long stride, long k, long depth) {
    return x[k * stride] | (k + 1 < depth ? (uint32_t)x[(k + 1) * stride] << 16 : 0);
}

INLINE int B(unpacked)(const fledge_product *p) { return p->rows < 0; }
INLINE void B(unpacked_tile)(
    int rows, const fledge_product *p, long j, long k0, long depth, const char *a, float *c,
    long c_row, int load) {}
INLINE int B(direct)(const fledge_product *p) { return p->a_depth == 1 && p->depth % 2 == 0; }

static void B(pack_left)(const fledge_product *p, uint32_t *d, long row, long height, long units) {
    long rows = p->rows - row < height ? p->rows - row : height;
    for (long k = 0; k < units; k++)
        for (long i = 0; i < rows; i++)
            d[p->a_depth == 1 ? i * units + k : k * height + i] = B(pair)(
                (const uint16_t *)p->a + (row + i) * p->a_row, p->a_depth, 2 * k, p->depth);
}

static void B(pack_right)(
    const fledge_product *p, uint32_t *d, long j0, long n, long k0, long depth, int vectors) {
    long width = (long)vectors * LANES;
    const uint16_t *b = p->b;
    for (long j = 0; j < n; j += LANES) {
        uint32_t *panel = d + j / width * width * depth + j % width;
        long columns = n - j, k = 0;
        if (columns >= LANES && p->b_column == 1) {
            // Two rows of depth, interleaved.
            for (; k < depth && 2 * (k0 + k) + 1 < p->depth; k++) {
                const uint16_t *row = b + 2 * (k0 + k) * p->b_depth + j0 + j;
                vh low, high;
                memcpy(&low, row, sizeof low);
                memcpy(&high, row + p->b_depth, sizeof high);
                vu pair = __builtin_convertvector(low, vu)
                    | (__builtin_convertvector(high, vu) << 16);
                memcpy(panel + k * width, &pair, sizeof pair);
            }
        } else if (columns >= LANES) {
            for (; k + 4 <= depth && 2 * (k0 + k + 4) <= p->depth; k += 4) {
                vf v[4];
                const uint16_t *row = b + (j0 + j) * p->b_column + 2 * (k0 + k);
                if (k % 16 == 0)   // the next columns
                    for (long c = 0; c < LANES; c++)
                        __builtin_prefetch(row + (LANES + c) * p->b_column, 0, 2);
                PATH(transpose_floats)(v, (const char *)row, p->b_column * 2);
                for (int q = 0; q < 4; q++) memcpy(panel + (k + q) * width, &v[q], sizeof(vf));
            }
        }
        for (; k < depth; k++)
            for (long c = 0; c < LANES; c++)
                panel[k * width + c] = c < columns
                    ? B(pair)(b + (j0 + j + c) * p->b_column, p->b_depth, 2 * (k0 + k), p->depth)
                    : 0;
    }
    long covered = (n + LANES - 1) / LANES * LANES, whole = (n + width - 1) / width * width;
    for (long j = covered; j < whole; j += LANES)
        for (long k = 0; k < depth; k++)
            memset(d + j / width * width * depth + j % width + k * width, 0, sizeof(vu));
}

#include "blocking.h"
#include "pairs_operands.h"
#include "pairs_attention.h"
#include "pair_dots.h"
#include "pairs_attention_backward.h"
#undef B
#undef UNIT
