// One instruction set: every kernel for every element type, and the table of them.
//
// The including file defines PATH(name), PATH_NAME, VECTOR_BYTES, how much the registers hold
// (TILE_ROWS, TILE_VECTORS, ATTENTION_VECTORS for tiles of 64 columns, DOT_COLUMNS), and where they
// hold FUSED, PAIRS, PAIR_INSTRUCTION.
// Depth whose products are added up before they join the sum of the blocks before.
#define DEPTH_BLOCK 192

// Calls tile(rows, ...) with the number of rows a constant.
#if TILE_ROWS == 8
#define MORE_ROWS(tile, ...) \
    case 6: tile(6, __VA_ARGS__); break; \
    case 7: tile(7, __VA_ARGS__); break;
#else
#define MORE_ROWS(tile, ...)
#endif
#define ROW_CASES(tile, ...) \
    switch (rows) { \
    case 1: tile(1, __VA_ARGS__); break; \
    case 2: tile(2, __VA_ARGS__); break; \
    case 3: tile(3, __VA_ARGS__); break; \
    case 4: tile(4, __VA_ARGS__); break; \
    case 5: tile(5, __VA_ARGS__); break; \
    MORE_ROWS(tile, __VA_ARGS__) \
    default: tile(TILE_ROWS, __VA_ARGS__); \
    }

#include "system.h"
#include "lanes.h"
#include "transpose.h"
static void PATH(expand)(
    void *d, int type, const fledge_blocks *m, int format, long row, long begin, long count);

#define S double
#define V vd
#define I vl
#define LANES (VECTOR_BYTES / 8)
#define SUM(name) PATH(name##_sum64)
#include "sums.h"
#include "product.h"
#include "delta_products.h"
#include "delta_gradient.h"
#define T double
#define TYPE FLEDGE_FLOAT64
#define NAME(name) PATH(name##_float64)
#define ROUNDED(v) (v)
#include "elements.h"
#undef T
#undef TYPE
#undef NAME
#undef ROUNDED
#undef S
#undef V
#undef I
#undef LANES
#undef SUM

#define S float
#define V vf
#define I vi
#define LANES (VECTOR_BYTES / 4)
#define SUM(name) PATH(name##_sum32)
#define SUM_IS_FLOAT 1
#include "sums.h"
#include "product.h"
#include "delta_products.h"
#include "delta_gradient.h"
#define T float
#define TYPE FLEDGE_FLOAT32
#define NAME(name) PATH(name##_float32)
#define ROUNDED(v) (v)
#include "elements.h"
#undef T
#undef TYPE
#undef NAME
#undef ROUNDED
#define T uint16_t
#define TYPE FLEDGE_BFLOAT16
#define NAME(name) PATH(name##_bfloat16)
#define ROUNDED(v) PATH(widen)(PATH(narrow)(v))
#include "elements.h"
#if PAIRS
#include "pairs.h"
#endif
#undef T
#undef TYPE
#undef NAME
#undef ROUNDED

#include "blocks.h"
#include "block_dots.h"
#include "adamw.h"
#include "table.h"
