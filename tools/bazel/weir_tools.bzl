"""@weir_tools: the tools that the rules of weir.bzl run, built from @weir or installed already."""

_TOOLS = {
    "weir": ("//tools/weir", "weir/weir"),
    "weir-check": ("//tools/check:weir-check", "check/weir-check"),
    "weir-run": ("//tools/weir_run:weir-run", "weir_run/weir-run"),
}

def _impl(rctx):
    folder = rctx.os.environ.get("WEIR_TOOLS", "")
    lines = ['package(default_visibility = ["//visibility:public"])', 'exports_files(["run_check.sh"])']
    rctx.symlink(Label("@weir//tools/bazel:run_check.sh"), "run_check.sh")
    for name, (label, path) in _TOOLS.items():
        if not folder:
            lines.append('alias(name = "%s", actual = "@weir%s")' % (name, label))
            continue

        # In bazel-bin/tools, weir is the folder that holds the binary: look there first.
        found = [p for p in [folder + "/" + path, folder + "/" + name] if rctx.path(p).exists]
        if not found:
            fail("WEIR_TOOLS is %s, but there is no %s in it" % (folder, name))
        rctx.symlink(found[0], "bin/" + name)
        lines.append('sh_binary(name = "%s", srcs = ["bin/%s"])' % (name, name))
    rctx.file("BUILD", "\n".join(lines) + "\n")

weir_tools_repository = repository_rule(
    implementation = _impl,
    doc = "With WEIR_TOOLS, a folder of the binaries (such as bazel-bin/tools), nothing of Weir is built.",
    environ = ["WEIR_TOOLS"],
    local = True,
)
