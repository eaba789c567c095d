#pragma once
// Runs the built program as a user would: as a process with a clean environment, capturing output and exit
// code.

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace roberta::cli_test {

struct Result {
  int code = -1;  ///< exit code; 128 + n if signal n terminated it
  std::string out, err;
};

using Environment = std::map<std::string, std::string>;

/// Path of the program (ROBERTA_BIN, otherwise bin/roberta).
std::string program();
/// Standard input is a file with the content `input`. Only PATH, HOME, ROBERTA_CPU and the options of
/// sanitizers are inherited from the environment.
Result run(const std::vector<std::string>& arguments, const std::string& input = "",
           const Environment& environment = {});
/// Runs a shell command in which $R is the program.
Result shell(const std::string& command, const Environment& environment = {});

/// A running program with pipes to its standard input and from one of its outputs.
class Process {
 public:
  /// With `err`, reads standard error instead of standard output.
  explicit Process(const std::vector<std::string>& arguments, const Environment& environment = {},
                   bool err = false);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  void write(const std::string& text);
  /// The next line; "(no line)" at the end of the output, or after two minutes without one.
  std::string read_line();
  void signal(int number);
  int finish();  ///< closes the input and waits; returns the code as in Result
  int wait();    ///< waits without closing the input

 private:
  int pid_, to_, from_;
  std::string buffer_;
};

/// A temporary directory, removed by the destructor.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  std::string path(const std::string& name) const { return root_ + "/" + name; }
  /// Writes a file and returns its path.
  std::string file(const std::string& name, const std::string& content) const;

 private:
  std::string root_;
};

std::string read_file(const std::string& path);

/// Calls `condition` until it holds. False after two minutes, so that a test fails only if something is wrong
/// and not on a busy machine.
bool wait_for(const std::function<bool()>& condition);

}  // namespace roberta::cli_test
