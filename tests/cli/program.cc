#include "tests/cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace roberta::cli_test {
namespace {

constexpr std::chrono::milliseconds kTimeout = std::chrono::minutes(2);

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

[[noreturn]] void execute(const std::vector<std::string>& words, const Environment& environment) {
  Environment all = environment;
  for (const char* name : {"PATH", "HOME", "ROBERTA_CPU", "ASAN_OPTIONS", "UBSAN_OPTIONS"})
    if (const char* value = std::getenv(name)) all.try_emplace(name, value);
  all.try_emplace("R", program());
  std::vector<std::string> pairs;
  for (const auto& [name, value] : all) pairs.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& pair : pairs) envp.push_back(const_cast<char*>(pair.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  execve(argv[0], argv.data(), envp.data());
  _exit(127);
}

Result run_words(const std::vector<std::string>& words, const std::string& input,
                 const Environment& environment) {
  Scratch scratch;
  std::string in = scratch.file("in", input), out = scratch.path("out"), err = scratch.path("err");
  int pid = fork();
  if (pid == 0) {
    dup2(open(in.c_str(), O_RDONLY), 0);
    dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    execute(words, environment);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return {code_of(status), read_file(out), read_file(err)};
}

std::vector<std::string> with_program(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{program()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

}  // namespace

std::string program() {
  const char* path = std::getenv("ROBERTA_BIN");
  return std::filesystem::absolute(path ? path : "bin/roberta").string();
}

Result run(const std::vector<std::string>& arguments, const std::string& input,
           const Environment& environment) {
  return run_words(with_program(arguments), input, environment);
}

Result shell(const std::string& command, const Environment& environment) {
  return run_words({"/bin/bash", "-c", command}, "", environment);
}

Process::Process(const std::vector<std::string>& arguments, const Environment& environment, bool err) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], err ? 2 : 1);
    execute(with_program(arguments), environment);
  }
  close(in[0]);
  close(out[1]);
  to_ = in[1], from_ = out[0];
}

Process::~Process() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (to_ >= 0) close(to_);
  close(from_);
}

void Process::write(const std::string& text) {
  if (::write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("write");
}

std::string Process::read_line() {
  for (;;) {
    if (size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    pollfd input{from_, POLLIN, 0};
    char bytes[4096];
    ssize_t n =
        poll(&input, 1, static_cast<int>(kTimeout.count())) > 0 ? read(from_, bytes, sizeof bytes) : 0;
    if (n <= 0) return "(no line)";
    buffer_.append(bytes, static_cast<size_t>(n));
  }
}

void Process::signal(int number) { kill(pid_, number); }

int Process::finish() {
  close(to_);
  to_ = -1;
  return wait();
}

int Process::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return code_of(status);
}

Scratch::Scratch() {
  std::string pattern = (std::filesystem::temp_directory_path() / "roberta-cli-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp");
  root_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::string Scratch::file(const std::string& name, const std::string& content) const {
  std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
  std::ofstream(path(name), std::ios::binary) << content;
  return path(name);
}

bool wait_for(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kTimeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace roberta::cli_test
