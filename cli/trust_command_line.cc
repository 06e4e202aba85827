// SPDX-License-Identifier: Apache-2.0
//
// The command line of `kintsugi trust`, with CLI11 as command_line.cc.
#include <CLI/CLI.hpp>
#include <utility>

#include "base/duration.h"
#include "base/escape.h"
#include "cli/trust_invocation.h"
#include "cli/words.h"

namespace kintsugi::cli {
namespace {

constexpr const char* kExitCodes = "Exit codes: 0 verified, 1 refused or not to be decided, 2 wrong use.";

constexpr const char* kImportExitCodes =
    "What does not carry over is on standard error, a line each. A policy that would accept more than the\n"
    "original is left out.\n\n"
    "Exit codes: 0 everything has carried over, 1 something has not, 2 wrong use.";

class TrustCommandLine {
 public:
  explicit TrustCommandLine(std::string program);
  std::variant<TrustInvocation, Ended> parse(const std::vector<std::string>& arguments);

 private:
  CLI::App& verb(TrustVerb verb, const char* name, const char* description, const std::string& example,
                 const char* exit_codes = kExitCodes);
  void add_blob();
  void add_disk_image();
  void add_import();
  void add_common(CLI::App& command);
  void add_signers(CLI::App& command);
  void add_registry(CLI::App& command);
  void add_policy(CLI::App& command);
  std::string finish();
  std::string finish_identity();
  std::string finish_blob() const;
  std::string finish_judged_blob() const;
  Ended wrong(const std::string& message) const;

  const std::string program_;
  CLI::App app_;
  TrustInvocation invocation_;
  std::string output_, timeout_;
  std::string subject_, subject_pattern_, issuer_, issuer_pattern_;
};

TrustCommandLine::TrustCommandLine(std::string program)
    : program_(std::move(program)),
      app_("Verifies signatures as the controller does, natively and offline.", program_) {
  app_.require_subcommand(1);
  app_.footer(kExitCodes);

  CLI::App& verify = verb(TrustVerb::kVerify, "verify", "May this image run?",
                          "verify registry.example.com/shop/web:1.2 --key cosign.pub");
  verify.add_option("IMAGE", invocation_.subject, "The image, by tag or digest")->required();
  add_policy(verify);
  add_signers(verify);
  add_registry(verify);
  add_common(verify);

  add_blob();

  CLI::App& explain =
      verb(TrustVerb::kExplain, "explain", "What lies beside an image, and what each policy makes of it",
           "explain registry.example.com/shop/web:1.2 --policy release.yaml");
  explain.add_option("IMAGE", invocation_.subject, "The image, by tag or digest")->required();
  add_policy(explain);
  add_signers(explain);
  add_registry(explain);
  add_common(explain);

  CLI::App& requirements = verb(TrustVerb::kSignRequirements, "sign-requirements",
                                "How an image has to be signed so that the policies accept it",
                                "sign-requirements registry.example.com/shop/web:1.2 --policy release.yaml");
  requirements.add_option("IMAGE", invocation_.subject, "The image; no registry is asked")->required();
  add_policy(requirements);
  add_common(requirements);
  add_disk_image();
  add_import();
}

void TrustCommandLine::add_import() {
  CLI::App& command = verb(TrustVerb::kImport, "import",
                           "ClusterImagePolicies of Sigstore's policy-controller as TrustPolicies",
                           "import cluster-image-policies.yaml > trust-policies.yaml", kImportExitCodes);
  command.add_option("FILE", invocation_.subject, "ClusterImagePolicies, YAML or JSON")->required();
  command.add_option("-o,--output", output_, "yaml (the default), or json: one List")
      ->check([](const std::string& text) { return check_choice(text, {"yaml", "json"}); });
}

void TrustCommandLine::add_disk_image() {
  CLI::App& disk =
      verb(TrustVerb::kFetchDiskImage, "fetch-disk-image",
           "A virtual machine's disk image from a registry, once its signature has been verified",
           "fetch-disk-image registry.example.com/vm/golden:1 --to golden.qcow2 --key cosign.pub");
  disk.add_option("IMAGE", invocation_.subject, "An artifact with one layer, by tag or digest: qcow2 or raw")
      ->required();
  disk.add_option("--to", invocation_.disk_file, "The file to write; what was there before is replaced")
      ->required();
  add_policy(disk);
  add_signers(disk);
  add_registry(disk);
  add_common(disk);
}

void TrustCommandLine::add_blob() {
  CLI::App& blob = verb(TrustVerb::kVerifyBlob, "verify-blob", "Is this file signed by whom it should be?",
                        "verify-blob disk.qcow2 --bundle disk.sigstore.json --key cosign.pub\n  " + program_ +
                            " verify-blob disk.qcow2 --checksums SHA256SUMS --signature SHA256SUMS.sig "
                            "--key cosign.pub --disk-image");
  blob.add_option(
          "FILE", invocation_.subject,
          "The file, or the SHA-256 of it: sha256:HEX. A qcow2 image that names other files is refused")
      ->required();
  blob.add_option("--bundle", invocation_.bundle_file, "The Sigstore bundle with its signature");
  blob.add_option(
      "--signature", invocation_.signature_file,
      "Its signature by a key, in base64 (cosign sign-blob --output-signature) or raw; with --policy "
      "also by OpenPGP, if it ends in .gpg, .sign or .asc");
  blob.add_option(
      "--checksums", invocation_.checksums_file,
      "What is signed in place of FILE: a list like SHA256SUMS that has FILE by its base name, or that of "
      "--location");
  blob.add_flag("--disk-image", invocation_.is_disk_image,
                "FILE has to be a disk image, qcow2 or raw; other formats are refused");
  blob.add_option("--location", invocation_.location,
                  "With --policy: where FILE comes from, as its globs say it; default: where it is");
  add_policy(blob);
  add_signers(blob);
  add_common(blob);
}

CLI::App& TrustCommandLine::verb(TrustVerb verb, const char* name, const char* description,
                                 const std::string& example, const char* exit_codes) {
  CLI::App* command = app_.add_subcommand(name, description);
  command->footer("Example:\n  " + program_ + " " + example + "\n\n" + exit_codes);
  command->callback([this, verb] { invocation_.verb = verb; });
  return *command;
}

void TrustCommandLine::add_common(CLI::App& command) {
  command.add_option("-o,--output", output_, "json: one document on standard output")
      ->check([](const std::string& text) { return check_choice(text, {"text", "json"}); });
  command.add_option("--timeout", timeout_, "For everything together; default 60s")
      ->check(Check(check_duration));
}

void TrustCommandLine::add_policy(CLI::App& command) {
  command.add_option("--policy", invocation_.policy_file, "A file of TrustPolicies, YAML or JSON");
}

void TrustCommandLine::add_signers(CLI::App& command) {
  command.add_option("--key", invocation_.key_file, "The signer's public key, PEM or DER");
  command.add_option("--certificate-identity", subject_, "Keyless: who signed, exactly");
  command.add_option("--certificate-identity-regexp", subject_pattern_,
                     "The same as an RE2 pattern for the whole value");
  command.add_option("--certificate-oidc-issuer", issuer_, "Keyless: by whose word, exactly");
  command.add_option("--certificate-oidc-issuer-regexp", issuer_pattern_,
                     "The same as an RE2 pattern for the whole value");
  command.add_option(
      "--trusted-root", invocation_.trusted_roots,
      "Keyless: whose certificates, logs and timestamps count (trusted_root.json); repeatable");
}

void TrustCommandLine::add_registry(CLI::App& command) {
  command.add_flag("--allow-http-registry", invocation_.allow_http_registry,
                   "Plain HTTP also to registries that are not on this machine");
  command.add_option("--registry-config", invocation_.registry_config,
                     "Credentials: a docker config.json, with the helpers that it names; default: anonymous");
  command.add_option("--registry-hosts", invocation_.registry_hosts,
                     "A file of mirrors, CAs, client certificates and proxies");
}

Ended TrustCommandLine::wrong(const std::string& message) const {
  return {ExitCode::kWrongUse, "",
          program_ + ": " + escape(message, 1024) + "\nSee '" + program_ + " --help'.\n"};
}

std::string TrustCommandLine::finish_identity() {
  const bool has_subject = !subject_.empty() || !subject_pattern_.empty();
  const bool has_issuer = !issuer_.empty() || !issuer_pattern_.empty();
  if (!has_subject && !has_issuer) return {};
  if (!subject_.empty() && !subject_pattern_.empty()) return "the certificate's identity is given twice";
  if (!issuer_.empty() && !issuer_pattern_.empty()) return "the issuer is given twice";
  if (!has_subject) return "--certificate-identity is needed beside the issuer";
  if (!has_issuer) return "--certificate-oidc-issuer is needed beside the identity";
  trust::IdentityRule rule;
  const std::tuple<trust::TextRule*, const std::string*, const std::string*> rules[] = {
      {&rule.subject, &subject_, &subject_pattern_}, {&rule.issuer, &issuer_, &issuer_pattern_}};
  for (const auto& [out, exact, pattern] : rules) {
    if (pattern->empty()) {
      *out = trust::TextRule::exactly(*exact);
      continue;
    }
    auto compiled = trust::TextRule::matching(*pattern);
    if (!compiled) return compiled.error().message;
    *out = *std::move(compiled);
  }
  invocation_.identity = std::move(rule);
  return {};
}

std::string TrustCommandLine::finish_judged_blob() const {
  if (!invocation_.signature_file.empty() && !invocation_.bundle_file.empty())
    return "at most one of --bundle and --signature is needed";
  if (invocation_.subject_is_digest() && invocation_.location.empty())
    return "--policy needs --location where the file is not there";
  if (invocation_.subject_is_digest() && invocation_.is_disk_image)
    return "--disk-image needs the file itself";
  return {};
}

std::string TrustCommandLine::finish_blob() const {
  if (!invocation_.policy_file.empty()) return finish_judged_blob();
  if (!invocation_.location.empty()) return "--location needs --policy";
  const bool is_detached = !invocation_.signature_file.empty();
  if (is_detached == !invocation_.bundle_file.empty())
    return "exactly one of --bundle and --signature is needed";
  if (is_detached && invocation_.key_file.empty())
    return "--signature needs --key: a certificate comes in a bundle only";
  if (is_detached && !invocation_.trusted_roots.empty())
    return "--trusted-root has nothing to verify without --bundle";
  if (invocation_.subject_is_digest() && !invocation_.checksums_file.empty())
    return "--checksums needs the file itself, by its name";
  if (invocation_.subject_is_digest() && invocation_.is_disk_image)
    return "--disk-image needs the file itself";
  return {};
}

/// From words to values. The text of what is wrong, or nothing.
std::string TrustCommandLine::finish() {
  invocation_.as_json = output_ == "json";
  if (!timeout_.empty()) invocation_.timeout = *parse_duration(timeout_);
  if (std::string problem = finish_identity(); !problem.empty()) return problem;
  const int given = int(!invocation_.policy_file.empty()) + int(!invocation_.key_file.empty()) +
                    int(invocation_.identity.has_value());
  switch (invocation_.verb) {
    case TrustVerb::kVerify:
    case TrustVerb::kExplain:
    case TrustVerb::kFetchDiskImage:
    case TrustVerb::kVerifyBlob:
      if (given != 1) return "exactly one of --policy, --key and --certificate-identity is needed";
      return invocation_.verb == TrustVerb::kVerifyBlob ? finish_blob() : "";
    case TrustVerb::kSignRequirements: return given == 1 ? "" : "--policy is needed";
    case TrustVerb::kImport: return {};
  }
  return {};
}

std::variant<TrustInvocation, Ended> TrustCommandLine::parse(const std::vector<std::string>& arguments) {
  // CLI11 takes them from the back; the first two are the program and "trust".
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend() - 2);
  try {
    app_.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app_.get_subcommands();
    return Ended{ExitCode::kDone, chosen.empty() ? app_.help() : chosen.front()->help(program_), ""};
  } catch (const CLI::ParseError& error) {
    return wrong(error.what());
  }
  if (const std::string problem = finish(); !problem.empty()) return wrong(problem);
  return std::move(invocation_);
}

}  // namespace

std::variant<TrustInvocation, Ended> parse_trust_command_line(const std::vector<std::string>& arguments) {
  return TrustCommandLine(program_name(arguments.front()) + " trust").parse(arguments);
}

}  // namespace kintsugi::cli
