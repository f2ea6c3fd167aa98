#pragma once
// From how many bytes an allocation is large.
#define TESSERA_LARGE_ALLOCATION 128

// How many times the calling thread has asked the C library for memory, for much, and given it back.
typedef struct {
  long all, large, freed;
} allocation_count;

// Whether allocations are counted: under glibc only.
int tessera_counts_allocations(void);
allocation_count tessera_allocation_count(void);
