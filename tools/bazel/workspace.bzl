"""What a workspace that uses Weir declares: the stand-ins for repositories that Bazel would download, and the installed packages."""

load("//tools/bazel:system_repos.bzl", "weir_system_repositories")

def weir_workspace(path):
    """Call it once, after `local_repository(name = "weir", path = path)`."""
    shims = path + "/tools/bazel/" if path else "tools/bazel/"
    native.local_repository(name = "rules_cc", path = shims + "rules_cc_shim")
    native.local_repository(name = "rules_java", path = shims + "rules_java_shim")
    native.local_repository(name = "remote_coverage_tools", path = shims + "coverage_stub")
    weir_system_repositories()
