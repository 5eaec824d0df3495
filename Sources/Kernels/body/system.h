// System headers, included before any target attribute is pushed.
#ifndef FLEDGE_BODY_SYSTEM_H
#define FLEDGE_BODY_SYSTEM_H
#include "../include/fledge_memory.h"
#include "../include/fledge_pool.h"
#include "../include/fledge_table.h"
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#endif
