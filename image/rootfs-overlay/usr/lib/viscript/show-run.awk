# Reads what the supervisor says of run 1 on its control socket (services/viscript/control/protocol.ts), a message of
# JSON a line as our own encoder writes it, and shows the command's output.
#
# Exit status: the command's; 100 when the command line is to take over and nothing was shown: no supervisor answers,
# the command reads what is typed or sends what is no text, or it was used wrongly.

function text_of(line,   at) {
  at = index(line, "\"text\":\"")
  return unescape(substr(line, at + 8, length(line) - at - 10))
}

# The escapes that JSON.stringify writes.
function unescape(text,   result, at, letter, code) {
  result = ""
  while ((at = index(text, "\\")) > 0) {
    result = result substr(text, 1, at - 1)
    letter = substr(text, at + 1, 1)
    text = substr(text, at + 2)
    if (letter == "n") result = result "\n"
    else if (letter == "t") result = result "\t"
    else if (letter == "r") result = result "\r"
    else if (letter == "b") result = result "\b"
    else if (letter == "f") result = result "\f"
    else if (letter == "u") {
      code = 16 * digit(substr(text, 3, 1)) + digit(substr(text, 4, 1))
      # Past the control characters there are only halves of a surrogate pair, which no text has.
      result = result (substr(text, 1, 2) == "00" ? sprintf("%c", code) : "\357\277\275")
      text = substr(text, 5)
    }
    else result = result letter
  }
  return result text
}

function digit(letter) { return index("123456789abcdef", letter) }

function begins(prefix) { return index($0, "{\"jsonrpc\":\"2.0\"," prefix) == 1 }

function output_of(stream) {
  return begins("\"method\":\"command.output\",\"params\":{\"run\":1,\"stream\":\"" stream "\"")
}

BEGIN { status = 100 }

left { next }

# On a busy board it may be the last answer of all.
begins("\"id\":1,\"result\":") && !answered { status = "unknown" }

begins("\"method\":\"command.reads\"") { status = 100; left = 1 }

begins("\"method\":\"command.bytes\"") { status = 100; left = 1 }

output_of("stdout") { printf "%s", text_of($0) }

output_of("stderr") { errors = errors text_of($0) }

begins("\"id\":2,\"result\":{\"status\":") {
  answered = 1
  status = substr($0, index($0, "\"status\":") + 9) + 0
  if (status == 2) status = 100
}

begins("\"id\":2,\"error\":") {
  answered = 1
  status = 1
  errors = errors "viscript: the supervisor refused the command\n"
}

END {
  if (status == "unknown") {
    status = 1
    errors = errors "viscript: the supervisor went away before the command's end\n"
  }
  if (status != 100) printf "%s", errors > "/dev/stderr"
  exit status
}
