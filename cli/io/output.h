#pragma once
// Standard output: buffered, every write checked.

#include <string>
#include <string_view>

namespace roberta::cli {

/// The reader of standard output went away (`roberta ... | head`): the program ends quietly with 141.
struct BrokenPipe {};

/// Not thread safe. Throws Error(kResource) when standard output can't be written (full disk), BrokenPipe.
class Output {
 public:
  void write(std::string_view text);
  void flush();
  /// flush(), and close() with its check: a network file system may report a full disk only there.
  void close();

 private:
  std::string buffer_;
};

/// Prints a whole answer and closes standard output.
void print_all(std::string_view text);

}  // namespace roberta::cli
