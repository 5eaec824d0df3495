#if defined(__x86_64__)
// The packing and blocking of avx512-bf16 with its instruction emulated, so that tests reach them
// on CPUs without it. Vectors of 64 bytes are split by the compiler.
#define PATH(name) name##_avx512_bf16_emulated
#define PATH_NAME "avx512-bf16-emulated"
#define VECTOR_BYTES 64
#define FUSED 1
#define TILE_ROWS 8
#define TILE_VECTORS 3
#define ATTENTION_VECTORS 4
#define DOT_COLUMNS 8
#define PAIRS 1
#include "body/system.h"
// No vector crosses a function that is not inlined.
#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "body/path.h"
#pragma clang attribute pop
#endif
