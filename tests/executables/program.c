/* Loads the file given, feeds 0, 1, 2, ... and prints the first output. */
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
  if (argc != 2 || weir_load(argv[1], 2, &session)) return fail();
  if (weir_input(session, 0, &in) || weir_output(session, 0, &out)) return fail();
  if (weir_input(session, weir_input_count(session), &in) == 0) return 1;
  float *x = malloc(in.bytes + 4), *y = malloc(out.bytes + 4);
  for (size_t i = 0; i < in.bytes / 4; ++i) x[i] = (float)i;
  const void *inputs[] = {x};
  void *outputs[] = {y};
  if (weir_run(session, inputs, outputs)) return fail();
  printf("%s =", out.name);
  for (size_t i = 0; i < out.bytes / 4; ++i) printf(" %g", y[i]);
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
