#if defined(__x86_64__)
// AVX-512: 32 registers of 16 floats.
#define PATH(name) name##_avx512
#define PATH_NAME "avx512"
#define VECTOR_BYTES 64
#define FUSED 1
#define PERMUTES_WORDS 1
#define TILE_ROWS 8
#define TILE_VECTORS 3
#define ATTENTION_VECTORS 4
#define DOT_COLUMNS 8
#include "body/system.h"
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#include "body/path.h"
#pragma clang attribute pop
#endif
