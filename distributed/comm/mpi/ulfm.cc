#include "distributed/comm/mpi/ulfm.h"

#include "absl/strings/str_cat.h"

#include <dlfcn.h>

namespace weir::distributed {

namespace {

/// MPI 5's attribute of MPI_COMM_WORLD: whether ranks may die. Open MPI 4's header lacks the name.
constexpr int kFaultTolerant = MPI_WIN_MODEL + 1;

template <typename Function> bool find(Function &function, const char *name) {
  function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
  return function != nullptr;
}

std::string version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  return std::string(text, std::string_view(text).find_first_of(",\n"));
}

} // namespace

absl::StatusOr<Ulfm> findUlfm() {
  Ulfm ulfm;
  if (!find(ulfm.revoke, "MPIX_Comm_revoke") || !find(ulfm.shrink, "MPIX_Comm_shrink") ||
      !find(ulfm.agree, "MPIX_Comm_agree"))
    return absl::UnimplementedError(
        absl::StrCat(version(), " ends all ranks when one dies; Open MPI 5 can go on (ULFM)"));
  int *isOn = nullptr, found = 0;
  MPI_Comm_get_attr(MPI_COMM_WORLD, kFaultTolerant, &isOn, &found);
  if (!found || !*isOn)
    return absl::FailedPreconditionError(absl::StrCat(
        version(), " ends all ranks when one dies, unless started as mpirun --with-ft ulfm"));
  return ulfm;
}

} // namespace weir::distributed
