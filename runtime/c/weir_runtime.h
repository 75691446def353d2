/* The runtime in plain C: load a .weirx file, run it. Link libweir_runtime; no compiler is needed.
 *
 * Functions that can fail return 0 when all went well; else weir_last_error() says what went wrong.
 * A session is used by one thread at a time. */
#ifndef WEIR_RUNTIME_C_WEIR_RUNTIME_H
#define WEIR_RUNTIME_C_WEIR_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_session weir_session;

/* Element types, as numbers that stay. An i1 takes a byte, 0 or 1. */
typedef enum {
  WEIR_I1,
  WEIR_I8,
  WEIR_I16,
  WEIR_I32,
  WEIR_I64,
  WEIR_U8,
  WEIR_U16,
  WEIR_U32,
  WEIR_U64,
  WEIR_F16,
  WEIR_BF16,
  WEIR_F32,
  WEIR_F64
} weir_dtype;

/* What a run takes or gives. Tensors are dense, row-major. Strings and dims live as long as the
 * session. */
typedef struct {
  const char *name;
  weir_dtype dtype;
  int32_t rank;
  const int64_t *dims;
  size_t bytes;
} weir_port;

/* What the last call that failed on this thread has to say; "" before any. */
const char *weir_last_error(void);

/* Loads the file; `threads` 0: as many as there are cores. */
int weir_load(const char *path, int threads, weir_session **session);
/* Null is fine. */
void weir_free(weir_session *session);

int32_t weir_input_count(const weir_session *session);
int32_t weir_output_count(const weir_session *session);
/* Error: no such input or output. */
int weir_input(const weir_session *session, int32_t index, weir_port *port);
int weir_output(const weir_session *session, int32_t index, weir_port *port);

/* Rows that one run takes at most, of a file for a batch of any size from 1; 0: its sizes are
 * fixed. Ports are described as they are for the largest batch. */
int64_t weir_batch(const weir_session *session);
/* Bytes of one row of the batch; 0: this input or output is the same for every batch, or is not
 * there. */
size_t weir_input_row_bytes(const weir_session *session, int32_t index);
size_t weir_output_row_bytes(const weir_session *session, int32_t index);

/* One run: reads every input, writes every output whose pointer is not null. Memory aligned to 64
 * bytes is used as it is, other memory through a copy. Variables that the program updates keep
 * their new values for the next run. */
int weir_run(weir_session *session, const void *const *inputs, void *const *outputs);
/* The same for a batch of `rows`, 1 to weir_batch(); weir_run takes the largest. */
int weir_run_batch(weir_session *session, int64_t rows, const void *const *inputs,
                   void *const *outputs);

#ifdef __cplusplus
}
#endif

#endif
