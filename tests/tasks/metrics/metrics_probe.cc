// Computes the cases of tools/parity/metrics_parity.py: one JSON object per line in, one result per line out.

#include <iostream>

#include "tests/tasks/metrics/metric_cases.h"

int main() {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << roberta::answer_metric_case(nlohmann::json::parse(line)).dump() << "\n";
}
