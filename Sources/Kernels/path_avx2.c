#if defined(__x86_64__)
// AVX2 and fused multiply-add: 16 registers of 8 floats.
#define PATH(name) name##_avx2
#define PATH_NAME "avx2"
#define VECTOR_BYTES 32
#define FUSED 1
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define ATTENTION_VECTORS 2
#define DOT_COLUMNS 4
#include "body/system.h"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "body/path.h"
#pragma clang attribute pop
#endif
