#pragma once
// The examples of the public headers, compiled; header_examples.py extracts them.

#include <span>

struct HeaderExample {
  const char* header;  ///< "model.h"
  void (*function)();
};

std::span<const HeaderExample> header_examples();
