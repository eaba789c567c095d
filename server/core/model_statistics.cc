#include "server/core/model_statistics.h"

#include <map>
#include <mutex>

#include "io/json/json_text.h"

namespace roberta::server {
namespace {

struct Duration {
  int64_t count = 0, ns = 0;
  void add(RequestDuration duration) {
    ++count;
    ns += std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
  }
};

struct Statistics {
  Duration success, fail, queue, compute;
  int64_t inputs = 0, last_ms = 0;
};

std::mutex mutex;
std::map<std::string, Statistics>& all() {
  static std::map<std::string, Statistics> statistics;
  return statistics;
}

int64_t now_ms() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

void append(std::string& out, const char* name, const Duration& duration) {
  out += std::string("\"") + name + "\":{\"count\":";
  append_number(out, duration.count);
  out += ",\"ns\":";
  append_number(out, duration.ns);
  out += '}';
}

}  // namespace

void count_success(const std::string& model, const RequestScope::Costs& costs, RequestDuration total,
                   int64_t inputs) {
  const std::lock_guard lock(mutex);
  Statistics& statistics = all()[model];
  statistics.success.add(total);
  statistics.queue.add(costs.queue);
  statistics.compute.add(costs.inference);
  statistics.inputs += inputs;
  statistics.last_ms = now_ms();
}

void count_failure(const std::string& model, RequestDuration total) {
  const std::lock_guard lock(mutex);
  all()[model].fail.add(total);
}

std::string statistics_json(const std::string& model, int64_t version) {
  Statistics statistics;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = all().find(model); found != all().end()) statistics = found->second;
  }
  std::string out = "{\"name\":";
  append_json_string(out, model);
  out += ",\"version\":\"" + std::to_string(version) + "\",\"last_inference\":";
  append_number(out, statistics.last_ms);
  out += ",\"inference_count\":";
  append_number(out, statistics.inputs);
  out += ",\"execution_count\":";
  append_number(out, statistics.success.count);
  out += ",\"inference_stats\":{";
  append(out, "success", statistics.success);
  append(out += ',', "fail", statistics.fail);
  append(out += ',', "queue", statistics.queue);
  append(out += ',', "compute_input", {});
  append(out += ',', "compute_infer", statistics.compute);
  append(out += ',', "compute_output", {});
  append(out += ',', "cache_hit", {});
  return out += "},\"batch_stats\":[]}";
}

}  // namespace roberta::server
