// Runs ptxas on temporary files and reads what -v prints.
#include "codegen/cuda/ptxas.h"

#include "weir_cuda_config.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <regex>

namespace weir::codegen::cuda {

llvm::Expected<std::string> findPtxas() {
  std::vector<std::string> homes;
  for (const char *variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const char *home = std::getenv(variable)) homes.push_back(home);
  homes.push_back(WEIR_CUDA_HOME);
  if (const char *home = std::getenv("HOME"))
    homes.push_back(std::string(home) + "/.cache/weir/cuda");
  for (const std::string &home : homes) {
    std::string path = home + "/bin/ptxas";
    if (llvm::sys::fs::can_execute(path)) return path;
  }
  if (auto path = llvm::sys::findProgramByName("ptxas")) return *path;
  return llvm::createStringError("no ptxas in CUDA_HOME, CUDA_PATH, ~/.cache/weir/cuda or PATH; "
                                 "tools/setup --cuda fetches it");
}

/// The numbers of "ptxas info" lines for each entry.
static std::map<std::string, Resources> parseReport(const std::string &report) {
  std::map<std::string, Resources> kernels;
  static const std::regex entry("Compiling entry function '([^']+)'"),
      frame("(\\d+) bytes stack frame, (\\d+) bytes spill stores"), used("Used (\\d+) registers"),
      smem("(\\d+) bytes smem");
  Resources *current = nullptr;
  std::smatch found;
  for (size_t start = 0; start < report.size();) {
    size_t end = std::min(report.find('\n', start), report.size());
    std::string line = report.substr(start, end - start);
    start = end + 1;
    if (std::regex_search(line, found, entry)) current = &kernels[found[1]];
    if (!current) continue;
    if (std::regex_search(line, found, frame)) {
      current->stackBytes = std::stoll(found[1]);
      current->spillBytes = std::stoll(found[2]);
    }
    if (std::regex_search(line, found, used)) current->registers = std::stoll(found[1]);
    if (std::regex_search(line, found, smem)) current->sharedBytes = std::stoll(found[1]);
  }
  return kernels;
}

/// A file that is gone at the end.
static llvm::Expected<llvm::FileRemover> makeFile(llvm::StringRef suffix,
                                                  llvm::SmallString<128> &path) {
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("weir", suffix, path))
    return llvm::createStringError("no temporary file: " + error.message());
  return llvm::FileRemover(path);
}

llvm::Expected<Cubin> assemble(const std::string &ptxas, const std::string &ptx,
                               const std::string &processor) {
  llvm::SmallString<128> source, object, report;
  auto removeSource = makeFile("ptx", source);
  if (!removeSource) return removeSource.takeError();
  auto removeObject = makeFile("cubin", object);
  if (!removeObject) return removeObject.takeError();
  auto removeReport = makeFile("txt", report);
  if (!removeReport) return removeReport.takeError();
  std::error_code failed;
  llvm::raw_fd_ostream(source, failed) << ptx;
  if (failed) return llvm::createStringError("cannot write PTX: " + failed.message());

  std::string error, architecture = "-arch=" + processor;
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(""), report.str(), report.str()};
  int code = llvm::sys::ExecuteAndWait(
      ptxas, {ptxas, architecture, "-v", "-O3", source, "-o", object}, std::nullopt, redirects,
      /*SecondsToWait=*/300, /*MemoryLimit=*/0, &error);
  auto said = llvm::MemoryBuffer::getFile(report);
  std::string text = said ? (*said)->getBuffer().str() : std::string();
  if (code != 0) return llvm::createStringError(ptxas + " failed: " + error + text);
  auto bytes = llvm::MemoryBuffer::getFile(object, /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!bytes) return llvm::createStringError("ptxas left no cubin: " + bytes.getError().message());
  Cubin cubin;
  cubin.bytes.assign((*bytes)->getBufferStart(), (*bytes)->getBufferEnd());
  cubin.kernels = parseReport(text);
  return cubin;
}

double occupancyOf(const Resources &resources, int64_t threadsPerBlock) {
  constexpr int64_t registers = 65536, threads = 2048, blocks = 32, shared = 100 << 10;
  int64_t perThread = (std::max<int64_t>(resources.registers, 1) + 7) / 8 * 8;
  int64_t fit =
      std::min({registers / (perThread * threadsPerBlock), threads / threadsPerBlock, blocks});
  if (resources.sharedBytes) fit = std::min(fit, shared / resources.sharedBytes);
  return double(fit * threadsPerBlock) / threads;
}

} // namespace weir::codegen::cuda
