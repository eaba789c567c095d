// roberta doctor: the capabilities of this machine and the kernels that the program will use.

#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sched.h>
#include <simdjson.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include <nlohmann/json.hpp>

#include "cli/io/output.h"
#include "cli/io/progress.h"
#include "cli/io/terminal.h"
#include "cli/settings/command.h"
#include "cli/settings/settings.h"
#include "io/json/json_text.h"
#include "roberta/error.h"
#include "roberta/system.h"

namespace roberta::cli {
namespace {

/// The text after `key` and its separator in the first line that begins with `key`; "" if there is none or
/// the file cannot be read.
std::string line_value(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) {
      size_t begin = line.find_first_not_of(" \t:", key.size());
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  return "";
}

std::string first_line(const char* file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::vector<std::string> cpu_features() {
  std::vector<std::string> found;
#if defined(__x86_64__)
  std::string flags = " " + line_value("/proc/cpuinfo", "flags") + " ";
  for (const char* name :
       {"sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni",
        "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8"})
    if (flags.find(" " + std::string(name) + " ") != std::string::npos) found.emplace_back(name);
#endif
  return found;
}

double kib_bytes(const std::string& text) {
  return text.empty() ? 0 : std::strtod(text.c_str(), nullptr) * 1024;
}

std::string version3(unsigned number) {  // 10506 -> 1.5.6
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
         std::to_string(number % 100);
}

nlohmann::ordered_json examine(std::vector<std::string>& hints) {
  nlohmann::ordered_json report;
  utsname system{};
  uname(&system);
  report["program"] = "roberta " ROBERTA_VERSION;
  report["compiler"] = __VERSION__;
  report["system"] = std::string(system.sysname) + " " + system.release + " " + system.machine;

  std::vector<std::string> features = cpu_features();
  report["cpu"] = line_value("/proc/cpuinfo", "model name");
  report["cpu_features"] = features;
  report["kernels"] = "none";
  try {
    const CpuKernels kernels = cpu_kernels();
    report["kernels"] = kernels.selected;
    report["kernels_available"] = kernels.available;
    if (kernels.selected != kernels.available.front())
      hints.push_back("ROBERTA_CPU forces the " + kernels.selected + " kernels; unset it to use " +
                      kernels.available.front());
    if (kernels.available.front() == "portable")
      hints.push_back("the processor has no AVX2; expect about a tenth of the speed");
  } catch (const Error& error) {
    hints.push_back(error.what());
  }

  int cores = default_threads(), online = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  report["cores"] = {{"usable", cores}, {"online", online}};
  if (cores < online)
    hints.push_back("CPU affinity or a container quota limits the process to " + std::to_string(cores) +
                    " of " + std::to_string(online) + " cores");

  double total = kib_bytes(line_value("/proc/meminfo", "MemTotal")),
         free = kib_bytes(line_value("/proc/meminfo", "MemAvailable"));
  report["memory"] = {{"total_bytes", static_cast<int64_t>(total)},
                      {"available_bytes", static_cast<int64_t>(free)}};
  std::string limit = first_line("/sys/fs/cgroup/memory.max");
  if (!limit.empty() && limit != "max")
    report["memory"]["cgroup_limit_bytes"] = std::strtoll(limit.c_str(), nullptr, 10);
  if (free > 0 && free < 2e9)
    hints.push_back(
        "less than 2 GB of memory is available; a large model may not fit, use --dtype bfloat16 to halve its "
        "size");

  report["libraries"] = {
      {"nlohmann-json", version3(NLOHMANN_JSON_VERSION_MAJOR * 10000 + NLOHMANN_JSON_VERSION_MINOR * 100 +
                                 NLOHMANN_JSON_VERSION_PATCH)},
      {"simdjson", version3(simdjson::SIMDJSON_VERSION_MAJOR * 10000 +
                            simdjson::SIMDJSON_VERSION_MINOR * 100 + simdjson::SIMDJSON_VERSION_REVISION)},
      {"zlib", zlibVersion()},
      {"zstd", ZSTD_versionString()},
      {"xxhash", version3(XXH_VERSION_NUMBER)},
  };
  auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  report["terminal"] = {{"stdout", is_terminal(1)},
                        {"stderr", is_terminal(2)},
                        {"TERM", environment("TERM")},
                        {"utf8", utf8_locale()}};
  if (!utf8_locale())
    hints.push_back("the locale is not UTF-8, so bars are drawn with '#'; set LANG=C.UTF-8");
  return report;
}

std::string plain(const nlohmann::ordered_json& value) {
  if (value.is_string()) return printable(value.get<std::string>());
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_array()) {
    std::string out;
    for (const auto& item : value) out += (out.empty() ? "" : " ") + plain(item);
    return out;
  }
  if (value.is_object()) {
    std::string out;
    for (const auto& [key, item] : value.items()) {
      bool bytes = key.ends_with("_bytes");
      std::string name = bytes ? key.substr(0, key.size() - 6) : key;
      out += (out.empty() ? "" : ", ") + name + " " +
             (bytes ? quantity_text(item.get<double>(), true) : plain(item));
    }
    return out;
  }
  return value.dump();
}

constexpr Option kOptions[] = {{"format", Type::kChoice, "text", "text|json", "output format"}};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}};

int run(const Settings& settings) {
  std::vector<std::string> hints;
  nlohmann::ordered_json report = examine(hints);
  if (settings.text("format") == "json") {
    report["hints"] = hints;
    print_all(report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    return 0;
  }
  std::string out;
  for (const auto& [key, value] : report.items()) {
    std::string name = key;
    out += name.append(name.size() < 16 ? 16 - name.size() : 1, ' ') + plain(value) + "\n";
  }
  for (const std::string& hint : hints) out += "hint: " + hint + "\n";
  print_all(out);
  return 0;
}

}  // namespace

extern const Command doctor_command;
const Command doctor_command{
    .name = "doctor",
    .arguments = "",
    .summary = "report CPU features, kernels, cores, memory and libraries",
    .description =
        "Reports what the program finds on this machine and which kernels it will use, with hints on\n"
        "what slows it down. ROBERTA_CPU=avx2 or portable selects other kernels. Please include the\n"
        "output in bug reports.",
    .example = "roberta doctor --format json",
    .groups = kGroups,
    .max_arguments = 0,
    .run = run,
};

}  // namespace roberta::cli
