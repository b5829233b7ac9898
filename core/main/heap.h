/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MAIN_HEAP_H
#define MAIN_HEAP_H

/* How malloc keeps the heap of a host, for the whole process. Before there is a second thread. */
void heap_keep_small(void);

#endif
