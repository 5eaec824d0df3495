// Everything that the tensor module calls in C.
#ifndef FLEDGE_KERNELS_H
#define FLEDGE_KERNELS_H
#include "fledge_memory.h"
#include "fledge_pool.h"
#include "fledge_table.h"
#endif
