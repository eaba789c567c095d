// Reads file names from standard input and prints a line for each: "ok", or why SafetensorsReader rejects it.
// For tools/parity/safetensors_corpus.py. Argument: strict or relaxed.

#include <iostream>
#include <string>

#include "io/safetensors.h"
#include "roberta/error.h"

int main(int argc, char** argv) {
  const bool strict = argc < 2 || std::string(argv[1]) == "strict";
  for (std::string name; std::getline(std::cin, name);) {
    try {
      const roberta::SafetensorsReader reader(name, strict);
      std::cout << "ok\n";
    } catch (const roberta::Error& error) {
      std::string message = error.what();
      for (char& c : message) c = c == '\n' ? ' ' : c;
      std::cout << message << '\n';
    }
  }
}
