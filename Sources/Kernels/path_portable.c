// What any CPU runs: vectors of 16 bytes, fused multiply-add only where every CPU has it.
#define PATH(name) name##_portable
#define PATH_NAME "portable"
#define VECTOR_BYTES 16
#if defined(__aarch64__)
#define FUSED 1
#endif
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define ATTENTION_VECTORS 2
#define DOT_COLUMNS 4
#include "body/path.h"
