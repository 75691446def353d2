"""Repositories made out of the packages installed on this machine."""

load("//tools/bazel:weir_tools.bzl", "weir_tools_repository")

def _fail_need(what, pkg):
    fail("%s not found. On Debian 12: apt-get install %s" % (what, pkg))

# ---- LLVM / MLIR -----------------------------------------------------------

def _llvm_impl(rctx):
    cfg = rctx.os.environ.get("LLVM_CONFIG", "")
    if not cfg:
        found = rctx.which("llvm-config-22")
        if not found:
            _fail_need("llvm-config-22", "llvm-22-dev libmlir-22-dev mlir-22-tools llvm-22-tools")
        cfg = str(found)
    r = rctx.execute([cfg, "--version", "--prefix", "--libdir", "--includedir", "--has-rtti"])
    if r.return_code != 0:
        fail("llvm-config failed: " + r.stderr)
    version, prefix, libdir, incdir, rtti = r.stdout.strip().split("\n")
    if int(version.split(".")[0]) != 22:
        fail("weir needs LLVM 22, found " + version)
    for need in [libdir + "/libMLIR.so", libdir + "/libMLIRExecutionEngineShared.so", prefix + "/bin/mlir-tblgen"]:
        if not rctx.path(need).exists:
            _fail_need(need, "libmlir-22-dev mlir-22-tools")
    rctx.symlink(incdir, "include")
    for b in ["mlir-tblgen", "mlir-opt", "FileCheck", "not", "lit", "llvm-symbolizer", "mlir-translate"]:
        rctx.symlink(prefix + "/bin/" + b, "bin/" + b)
    rctx.file("defs.bzl", 'LLVM_VERSION = "%s"\nLLVM_PREFIX = "%s"\nLLVM_RTTI = %s\n' %
                          (version, prefix, "True" if rtti == "YES" else "False"))
    rctx.file("BUILD", """
load("@weir//tools/bazel:tblgen.bzl", "td_library")

package(default_visibility = ["//visibility:public"])

exports_files(glob(["bin/*"]))

# LLVM proper; libLLVM.so holds every target, ORC and the optimiser.
cc_library(
    name = "llvm",
    hdrs = glob(["include/llvm/**", "include/llvm-c/**"]),
    includes = ["include"],
    linkopts = ["-L{libdir}", "-Wl,-rpath,{libdir}", "-lLLVM"],
)

cc_library(
    name = "mlir",
    hdrs = glob(["include/mlir/**", "include/mlir-c/**"], exclude = ["include/mlir/**/*.td"]),
    includes = ["include"],
    linkopts = ["-L{libdir}", "-lMLIR"],
    deps = [":llvm"],
)

cc_library(
    name = "mlir_execution_engine",
    linkopts = ["-L{libdir}", "-lMLIRExecutionEngineShared"],
    deps = [":mlir"],
)

td_library(
    name = "mlir_td",
    srcs = glob(["include/mlir/**/*.td"]),
    includes = ["include"],
)
""".format(libdir = libdir))

llvm_repository = repository_rule(
    implementation = _llvm_impl,
    environ = ["LLVM_CONFIG", "PATH"],
    local = True,
    configure = True,
)

# ---- Protobuf ---------------------------------------------------------------
# Named com_google_protobuf because the built-in proto rules look for it there.

def _protobuf_impl(rctx):
    protoc = rctx.which("protoc")
    if not protoc:
        _fail_need("protoc", "protobuf-compiler")
    if not rctx.path("/usr/include/google/protobuf/message.h").exists:
        _fail_need("google/protobuf/message.h", "libprotobuf-dev")
    rctx.symlink(protoc, "bin/protoc")
    rctx.symlink("/usr/include/google/protobuf", "include/google/protobuf")
    rctx.file("BUILD", """
package(default_visibility = ["//visibility:public"])

# The headers are under /usr/include, which the C++ toolchain already searches.
cc_library(name = "protobuf", linkopts = ["-lprotobuf", "-pthread"])

sh_binary(name = "protoc", srcs = ["bin/protoc"])

proto_lang_toolchain(
    name = "cc_toolchain",
    command_line = "--cpp_out=$(OUT)",
    runtime = ":protobuf",
    # Already inside libprotobuf: generate and compile nothing for it.
    blacklisted_protos = [":timestamp_proto"],
)

proto_library(
    name = "timestamp_proto",
    srcs = ["include/google/protobuf/timestamp.proto"],
    strip_import_prefix = "include",
)
""")

protobuf_repository = repository_rule(implementation = _protobuf_impl, local = True, configure = True)

# ---- Plain libraries in /usr -------------------------------------------------

def _plain_impl(rctx):
    for h in rctx.attr.probe:
        if not rctx.path(h).exists:
            _fail_need(h, rctx.attr.package)
    rctx.file("BUILD", 'package(default_visibility = ["//visibility:public"])\n' + rctx.attr.build)

plain_repository = repository_rule(
    implementation = _plain_impl,
    attrs = {
        "probe": attr.string_list(),
        "package": attr.string(),
        "build": attr.string(),
    },
    local = True,
    configure = True,
)

# ---- Open MPI (optional) --------------------------------------------------------

def _openmpi_impl(rctx):
    inc = "/usr/lib/x86_64-linux-gnu/openmpi/include"
    have = rctx.path(inc + "/mpi.h").exists
    if have:
        rctx.symlink(inc, "include")
    rctx.file("gen/weir_mpi_config.h", "#pragma once\n#define WEIR_HAVE_MPI %d\n" % (1 if have else 0))
    rctx.file("defs.bzl", "HAVE_MPI = %s\n" % have)
    rctx.file("BUILD", """
package(default_visibility = ["//visibility:public"])

cc_library(
    name = "mpi",
    hdrs = ["gen/weir_mpi_config.h"] + glob(["include/**/*.h"], allow_empty = True),
    defines = ["OMPI_SKIP_MPICXX"],
    includes = ["gen"{inc}],
    linkopts = [{lib}],
)
""".format(inc = ', "include"' if have else "", lib = '"-lmpi"' if have else ""))

openmpi_repository = repository_rule(implementation = _openmpi_impl, local = True, configure = True)

# ---- CUDA (optional) ---------------------------------------------------------------

def _cuda_impl(rctx):
    home = None
    if rctx.os.environ.get("WEIR_CUDA", "auto") != "0":
        candidates = [
            rctx.os.environ.get("CUDA_HOME", ""),
            rctx.os.environ.get("CUDA_PATH", ""),
            "/usr/local/cuda",
            rctx.os.environ.get("HOME", "") + "/.cache/weir/cuda",  # tools/setup --cuda
        ]
        nvcc = rctx.which("nvcc")
        if nvcc:
            candidates.append(str(nvcc.realpath.dirname.dirname))
        for c in candidates:
            if c and rctx.path(c + "/include/cuda.h").exists:
                home = str(rctx.path(c).realpath)
                break

    have = {"CUDA": home != None, "NVCC": False, "CUDNN": False, "NCCL": False, "CUBLAS": False}
    version = ""
    if home:
        have["NVCC"] = rctx.path(home + "/bin/nvcc").exists
        have["CUDNN"] = rctx.path(home + "/include/cudnn.h").exists
        have["NCCL"] = rctx.path(home + "/include/nccl.h").exists
        have["CUBLAS"] = rctx.path(home + "/include/cublas_v2.h").exists
        rctx.symlink(home + "/include", "include")
        if rctx.path(home + "/bin/ptxas").exists:
            for line in rctx.execute([home + "/bin/ptxas", "--version"]).stdout.split("\n"):
                if "release " in line:
                    version = line.split("release ")[1].split(",")[0]

    rctx.file("gen/weir_cuda_config.h", "#pragma once\n" + "".join([
        "#define WEIR_HAVE_%s %d\n" % (k, 1 if v else 0)
        for k, v in have.items()
    ]) + '#define WEIR_CUDA_HOME "%s"\n' % (home or ""))
    rctx.file("defs.bzl", """
CUDA_HOME = "{home}"
CUDA_VERSION = "{version}"
HAVE_CUDA = {cuda}
HAVE_NVCC = {nvcc}
HAVE_CUDNN = {cudnn}
HAVE_NCCL = {nccl}

def if_cuda(yes, no = []):
    return yes if HAVE_CUDA else no
""".format(
        home = home or "",
        version = version,
        cuda = have["CUDA"],
        nvcc = have["NVCC"],
        cudnn = have["CUDNN"],
        nccl = have["NCCL"],
    ))
    rctx.file("BUILD", """
package(default_visibility = ["//visibility:public"])

# Headers only. Nothing links libcuda, libcudart, libcudnn or libnccl: they are
# opened with dlopen at run time, so every binary starts on a machine without them.
cc_library(
    name = "headers",
    hdrs = ["gen/weir_cuda_config.h"] + glob(["include/**"], allow_empty = True),
    includes = ["gen"{inc}],
    linkopts = ["-ldl"],
)
""".format(inc = ', "include"' if home else ""))

cuda_repository = repository_rule(
    implementation = _cuda_impl,
    environ = ["CUDA_HOME", "CUDA_PATH", "PATH", "WEIR_CUDA"],
    local = True,
    configure = True,
)

# ---- cuDNN's headers (optional; apart from CUDA's, which far more is built with) -------

def _cudnn_impl(rctx):
    found = None
    if rctx.os.environ.get("WEIR_CUDA", "auto") != "0":
        for c in [
            rctx.os.environ.get("CUDNN_HOME", "") + "/include",
            rctx.os.environ.get("CUDA_HOME", "") + "/include",
            "/usr/local/cuda/include",
            "/usr/include",
            rctx.os.environ.get("HOME", "") + "/.cache/weir/cuda/cudnn/include",  # tools/setup --cudnn
        ]:
            if rctx.path(c + "/cudnn_cnn.h").exists:
                found = rctx.path(c).realpath
                break
    if found:
        for header in found.readdir():
            if header.basename.startswith("cudnn"):
                rctx.symlink(header, "include/" + header.basename)
    rctx.file("gen/weir_cudnn_config.h", "#pragma once\n#define WEIR_HAVE_CUDNN_HEADERS %d\n" % (1 if found else 0))
    rctx.file("BUILD", """
cc_library(
    name = "headers",
    hdrs = ["gen/weir_cudnn_config.h"] + glob(["include/**"], allow_empty = True),
    includes = ["gen"{inc}],
    visibility = ["//visibility:public"],
    deps = ["@cuda_system//:headers"],
)
""".format(inc = ', "include"' if found else ""))

cudnn_repository = repository_rule(
    implementation = _cudnn_impl,
    environ = ["CUDA_HOME", "CUDNN_HOME", "WEIR_CUDA"],
    local = True,
    configure = True,
)

def weir_system_repositories():
    weir_tools_repository(name = "weir_tools")
    llvm_repository(name = "llvm_system")
    protobuf_repository(name = "com_google_protobuf")
    openmpi_repository(name = "openmpi_system")
    cuda_repository(name = "cuda_system")
    cudnn_repository(name = "cudnn_system")
    plain_repository(
        name = "gtest_system",
        probe = ["/usr/include/gtest/gtest.h", "/usr/include/gmock/gmock.h"],
        package = "libgtest-dev libgmock-dev",
        build = """
cc_library(name = "gtest", linkopts = ["-lgmock", "-lgtest", "-pthread"])
cc_library(name = "gtest_main", linkopts = ["-lgmock_main"], deps = [":gtest"])
""",
    )
    plain_repository(
        name = "absl_system",
        probe = ["/usr/include/absl/status/status.h"],
        package = "libabsl-dev",
        # Debian ships abseil as shared libraries; status and statusor need these.
        build = """
cc_library(name = "status", linkopts = ["-labsl_status", "-labsl_statusor", "-labsl_cord", "-labsl_strings",
    "-labsl_str_format_internal", "-labsl_base", "-labsl_raw_logging_internal", "-labsl_throw_delegate"])
""",
    )
    plain_repository(
        name = "cli11_system",
        probe = ["/usr/include/CLI/CLI.hpp"],
        package = "libcli11-dev",
        build = """
cc_library(name = "cli11")
""",
    )
    plain_repository(
        name = "json_system",
        probe = ["/usr/include/nlohmann/json.hpp"],
        package = "nlohmann-json3-dev",
        build = """
cc_library(name = "json")
""",
    )
    plain_repository(
        name = "zlib_system",
        probe = ["/usr/include/zlib.h"],
        package = "zlib1g-dev",
        build = """
cc_library(name = "zlib", linkopts = ["-lz"])
""",
    )
    plain_repository(
        name = "benchmark_system",
        probe = ["/usr/include/benchmark/benchmark.h"],
        package = "libbenchmark-dev",
        build = """
cc_library(name = "benchmark", linkopts = ["-lbenchmark", "-pthread"])
""",
    )
