// One instruction set: every kernel for every element type, and the table of them.
//
// The including file defines PATH(name), PATH_NAME, VECTOR_BYTES, TILE_ROWS, TILE_VECTORS and where
// they hold FUSED, PAIRS, PAIR_INSTRUCTION.
// Depth whose products are added up before they join the sum of the blocks before.
#define DEPTH_BLOCK 192

#include "system.h"
#include "lanes.h"
#include "transpose.h"

#define S double
#define V vd
#define I vl
#define LANES (VECTOR_BYTES / 8)
#define SUM(name) PATH(name##_sum64)
#include "sums.h"
#include "product.h"
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
#undef T
#undef TYPE
#undef NAME
#undef ROUNDED

#if PAIRS
#include "pairs.h"
#endif
#include "adamw.h"
#include "table.h"
