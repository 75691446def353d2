"""Rules for users' own suites: executables from models, models against expected numbers, training that must reach a loss.

A model is a file that `weir` reads: .weir, .onnx, .mlir, StableHLO text. The tools come from @weir_tools (weir_tools.bzl).
"""

_WEIR = "@weir_tools//:weir"
_CHECK = "@weir_tools//:weir-check"
_RUN_CHECK = "@weir_tools//:run_check.sh"

def weir_executable(name, model, data = [], values = None, variables = {}, flags = [], **kwargs):
    """NAME.weirx, which weir-run and libweir_runtime run without a compiler.

    Args:
      model: the graph. data: what lies beside it, such as its weights file.
      values: a .npz file with the values of all variables; variables: or by name, as `weir compile --input` takes them
        ("zeros", "1,2,3"). Without either they are those of a .weir file that has them.
      flags: more of `weir compile`: ["--cpu", "x86-64-v3"], ["--batch", "1..16"].
    """
    words = ["--input '%s=%s'" % item for item in variables.items()] + flags
    if values:
        words.append("--values $(location %s)" % values)
    native.genrule(
        name = name,
        srcs = [model] + data + ([values] if values else []),
        outs = [name + ".weirx"],
        cmd = "$(location %s) compile $(location %s) -o $@ %s >/dev/null" % (_WEIR, model, " ".join(words)),
        message = "Compiling with weir:",
        tools = [_WEIR],
        **kwargs
    )

def _check(name, command, model, archives, words, executable, size, **kwargs):
    weir_executable(
        name = name + "_executable",
        model = model,
        testonly = True,
        visibility = ["//visibility:private"],
        **executable
    )
    native.sh_test(
        name = name,
        size = size,
        srcs = [_RUN_CHECK],
        args = ["$(location %s)" % _CHECK, command, "$(location :%s_executable)" % name] +
               ["$(locations %s)" % archive for archive in archives] + words,
        data = [_CHECK, ":%s_executable" % name] + archives,
        **kwargs
    )

def weir_graph_test(name, model, cases, absolute = 1e-5, relative = 1e-5, data = [], values = None, variables = {}, flags = [], size = "small", **kwargs):
    """Runs `model` on the inputs in each of `cases` and compares outputs, and variables after the run, that the case has.

    Args:
      cases: .npz files with arrays under the names of inputs, outputs and variables.
      absolute, relative: an element e may differ by absolute + relative * |e|.
      data, values, variables, flags: as weir_executable takes them.
    """
    words = ["--absolute", str(absolute), "--relative", str(relative)]
    executable = dict(data = data, values = values, variables = variables, flags = flags)
    _check(name, "graph", model, cases, words, executable, size, **kwargs)

def weir_train_test(name, model, batches, at_most, steps = 100, loss = "loss", data = [], values = None, variables = {}, flags = [], size = "medium", **kwargs):
    """Runs a training step on `batches` in turn, `steps` times in all; the mean loss of the last round must be `at_most`.

    Args:
      model: a graph that updates its variables, with an output called `loss`.
      batches: .npz files with arrays under the names of its inputs.
      data, values, variables, flags: as weir_executable takes them.
    """
    words = ["--at-most", str(at_most), "--steps", str(steps), "--loss", loss]
    executable = dict(data = data, values = values, variables = variables, flags = flags)
    _check(name, "train", model, batches, words, executable, size, **kwargs)
