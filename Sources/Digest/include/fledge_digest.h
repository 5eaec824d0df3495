// The rounds of digests, in C for the instructions that Swift cannot name.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Puts whole blocks of 64 bytes into the state of a SHA-256 digest, by the processor's own
/// instructions where it has them.
void digest_sha256(uint32_t *_Nonnull state, const void *_Nonnull bytes, size_t blocks);

/// The same without such instructions.
void digest_sha256_portable(uint32_t *_Nonnull state, const void *_Nonnull bytes, size_t blocks);

#ifdef __cplusplus
}
#endif
