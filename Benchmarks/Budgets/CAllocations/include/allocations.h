#ifndef ALLOCATIONS_H
#define ALLOCATIONS_H

/// How often this process has asked for memory; 0 where that cannot be counted.
unsigned long long allocations(void);

#endif
