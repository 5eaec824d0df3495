// What any CPU runs: vectors of 16 bytes, no fused multiply-add.
#define PATH(name) name##_portable
#define PATH_NAME "portable"
#define VECTOR_BYTES 16
#define TILE_ROWS 6
#define TILE_VECTORS 2
#include "body/path.h"
