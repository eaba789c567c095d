#include "runtime/open_comm.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "comm/local/local_comm.h"
#include "comm/mpi/entry.h"
#include "core/error.h"

namespace roberta {

namespace fs = std::filesystem;

namespace {

/// How many processes the launcher says it started; 0: it says nothing. Open MPI, MPICH and its kin.
long launched_processes() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const char* text = std::getenv(name)) return std::strtol(text, nullptr, 10);
  }
  // srun names the ranks to PMIx and counts its tasks itself.
  const char* tasks = std::getenv("SLURM_STEP_NUM_TASKS");
  return std::getenv("PMIX_RANK") && tasks ? std::strtol(tasks, nullptr, 10) : 0;
}

/// Beside the library or program that holds this code, or where an installation puts it.
std::vector<fs::path> places_of_module() {
  std::vector<fs::path> places;
  Dl_info info{};
  static const int anchor = 0;
  std::error_code ignored;
  if (dladdr(&anchor, &info) == 0 || !info.dli_fname) return places;
  fs::path file = fs::canonical(info.dli_fname, ignored);
  if (ignored) file = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path here = file.parent_path();
  for (const fs::path& place :
       {here / "roberta", here, here.parent_path() / ROBERTA_LIBRARY_FOLDER / "roberta",
        here.parent_path() / ROBERTA_LIBRARY_FOLDER, here.parent_path() / "lib"})
    places.push_back(place / mpi::kModuleName);
  return places;
}

std::unique_ptr<Comm> open_mpi_comm(const CommOptions& options, const std::string& why) {
  std::string looked;
  for (const fs::path& path : places_of_module()) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      looked += (looked.empty() ? "" : ", ") + path.parent_path().string();
      continue;
    }
    // Stays open to the end: MPI has threads and exit handlers of its own.
    void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
    if (!module)
      fail(ErrorCode::kResource, "[comm] ", why, ", but MPI can't be loaded: ", dlerror(),
           "; install openmpi-bin, or the MPI that this was built with");
    const auto open = reinterpret_cast<mpi::OpenComm>(dlsym(module, mpi::kEntry));
    if (!open)
      fail(ErrorCode::kResource, "[comm] ", path.string(), ": is of another build of roberta; install again");
    return std::unique_ptr<Comm>(open(options.timeout_s));
  }
  fail(ErrorCode::kResource, "[comm] ", why, ", but ", mpi::kModuleName, " is in none of ", looked,
       "; build roberta with libopenmpi-dev installed");
}

}  // namespace

std::unique_ptr<Comm> open_comm(const CommOptions& options) {
  if (!(options.timeout_s > 0))
    fail(ErrorCode::kUsage, "[comm] a time limit of ", options.timeout_s, " s; it must be above 0");
  const long launched = launched_processes();
  if (options.kind == "local" || (options.kind == "auto" && launched <= 1)) return local::open_local_comm();
  if (options.kind != "mpi" && options.kind != "auto")
    fail(ErrorCode::kUsage, "[comm] '", options.kind,
         "' is not a way to join processes; use auto, local or mpi");
  std::unique_ptr<Comm> comm = open_mpi_comm(
      options, launched > 1 ? concat("this is one of ", launched, " processes") : "MPI is asked for");
  if (launched > 1 && comm->size() != launched) {
    fail(ErrorCode::kResource, "[comm] the launcher started ", launched, " processes, but MPI sees ",
         comm->size(), " (", comm->describe(), "); use that MPI's own mpirun");
  }
  return comm;
}

}  // namespace roberta
