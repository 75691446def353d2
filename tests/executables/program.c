/* Loads the file given, feeds 0, 1, 2, ... and prints the first output; a second argument is the
 * rows of the batch, of a file for a batch range. */
#include "runtime/c/weir_runtime.h"

#include <stdio.h>
#include <stdlib.h>

static int fail(void) {
  fprintf(stderr, "%s\n", weir_last_error());
  return 1;
}

int main(int argc, char **argv) {
  weir_session *session;
  weir_port in, out;
  if (argc < 2 || weir_load(argv[1], 2, &session)) return fail();
  int64_t rows = argc > 2 ? atoll(argv[2]) : weir_batch(session);
  if (weir_input(session, 0, &in) || weir_output(session, 0, &out)) return fail();
  if (weir_input(session, weir_input_count(session), &in) == 0) return 1;
  float *x = malloc(in.bytes + 4), *y = malloc(out.bytes + 4);
  for (size_t i = 0; i < in.bytes / 4; ++i) x[i] = (float)i;
  const void *inputs[] = {x};
  void *outputs[4] = {y};
  if (argc > 2 ? weir_run_batch(session, rows, inputs, outputs)
               : weir_run(session, inputs, outputs))
    return fail();
  size_t bytes = argc > 2 ? (size_t)rows * weir_output_row_bytes(session, 0) : out.bytes;
  printf("%s =", out.name);
  for (size_t i = 0; i < bytes / 4; ++i) printf(" %g", y[i]);
  printf("\n");
  /* The same from memory that is not aligned. */
  inputs[0] = NULL;
  if (weir_run(session, inputs, outputs) == 0) return 1;
  free(x);
  free(y);
  weir_free(session);
  weir_free(NULL);
  return 0;
}
