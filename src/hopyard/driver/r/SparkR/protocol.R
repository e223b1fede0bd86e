# The protocol of Spark's RBackend: one request, one answer, over a socket of this machine.
#
# A request is its length and: whether the method is static, the object or class, the method, the
# arguments. An answer is a status and a value, each value with a letter for its type in front.

.backend <- new.env()
.backend$garbage <- character()

MAX_GARBAGE <- 50
DAYS <- 20 * 86400 # a call may take as long as it takes; R's sockets want a limit

connectBackend <- function(host, port, secret) {
  .backend$host <- host
  .backend$port <- as.integer(port)
  .backend$secret <- secret
  reconnect()
}

reconnect <- function() {
  closeConnection()
  connection <- socketConnection(
    .backend$host, .backend$port,
    blocking = TRUE, open = "r+b", timeout = DAYS
  )
  .backend$connection <- connection
  .backend$broken <- TRUE
  secret <- string_bytes(.backend$secret)
  writeBin(secret, connection)
  if (read_string(connection) != "ok") stop("Spark does not accept this connection.")
  .backend$broken <- FALSE
  # Spark keeps the job group with the thread that serves a connection.
  if (!is.null(.backend$group)) do.call(setJobGroup, .backend$group)
  invisible(NULL)
}

closeConnection <- function() {
  if (!is.null(.backend$connection)) try(close(.backend$connection), silent = TRUE)
  .backend$connection <- NULL
}

# --- calls ----------------------------------------------------------------------------------------

callJMethod <- function(x, methodName, ...) {
  if (!inherits(x, "jobj")) stop("a Java object (jobj) is needed to call ", methodName, call. = FALSE)
  invoke(FALSE, x$id, methodName, ...)
}

callJStatic <- function(x, methodName, ...) invoke(TRUE, x, methodName, ...)

newJObject <- function(x, ...) invoke(TRUE, x, "<init>", ...)

sparkR.callJMethod <- callJMethod
sparkR.callJStatic <- callJStatic
sparkR.newJObject <- newJObject

invoke <- function(static, target, method, ...) {
  if (is.null(.backend$port)) stop("There is no Spark session here.", call. = FALSE)
  # An interrupt may have fallen into the last call: its late answer must not be taken for ours.
  if (isTRUE(.backend$broken) || is.null(.backend$connection)) reconnect()
  if (length(.backend$garbage) > MAX_GARBAGE) remove_garbage()
  exchange(static, target, method, list(...))
}

remove_garbage <- function() {
  ids <- .backend$garbage
  .backend$garbage <- character()
  for (id in ids) exchange(TRUE, "SparkRHandler", "rm", list(id))
}

exchange <- function(static, target, method, arguments) {
  body <- c(
    int_bytes(as.integer(static)), string_bytes(target), string_bytes(method),
    int_bytes(length(arguments)), unlist(lapply(arguments, typed_bytes))
  )
  connection <- .backend$connection
  .backend$broken <- TRUE
  writeBin(c(int_bytes(length(body)), body), connection)
  repeat {
    status <- read_int(connection)
    if (status != 1L) break # 1 says that Spark still works on it
  }
  answer <- if (status == 0L) read_object(connection) else read_string(connection)
  .backend$broken <- FALSE
  if (status != 0L) stop(spark_error(answer, target, method))
  answer
}

spark_error <- function(text, target, method) {
  lines <- strsplit(text, "\n", fixed = TRUE)[[1]]
  frames <- grepl("^(\tat |\t\\.\\.\\. |Driver stacktrace:|Caused by: )", lines)
  if (any(frames)) lines <- lines[seq_len(which(frames)[1] - 1)]
  head <- regmatches(lines[1], regexec("^[A-Za-z_$.0-9]*?([A-Za-z_$0-9]+): ?(.*)$", lines[1]))[[1]]
  name <- if (length(head) && grepl("(Exception|Error)$", head[2])) head[2] else "SparkException"
  if (length(head) && name == head[2]) lines[1] <- head[3]
  if (grepl("Object not found", lines[1])) {
    lines[1] <- paste0(lines[1], ": it belongs to a session that is gone.")
  }
  message <- trimws(paste(lines, collapse = "\n"))
  structure(class = c(name, "SparkError", "error", "condition"), list(message = message, call = NULL))
}

# --- Java objects ---------------------------------------------------------------------------------

setOldClass("jobj")

jobj <- function(id) {
  object <- structure(new.env(parent = emptyenv()), class = "jobj")
  assign("id", id, envir = object)
  reg.finalizer(object, function(gone) .backend$garbage <- c(.backend$garbage, gone$id))
  object
}

getClassName.jobj <- function(x) callJMethod(callJMethod(x, "getClass"), "getName")

print.jobj <- function(x, ...) {
  cat("Java ref type", getClassName.jobj(x), "id", x$id, "\n", sep = " ")
  invisible(x)
}

# --- writing --------------------------------------------------------------------------------------

int_bytes <- function(value) writeBin(as.integer(value), raw(), endian = "big")

string_bytes <- function(value) {
  bytes <- charToRaw(enc2utf8(value))
  c(int_bytes(length(bytes) + 1L), bytes, as.raw(0))
}

letter_of <- function(value) {
  if (is.null(value)) return("n")
  if (inherits(value, "jobj")) return("j")
  if (inherits(value, "Date")) return("D")
  if (inherits(value, "POSIXt")) return("t")
  if (is.environment(value)) return("e")
  if (is.raw(value)) return("r")
  if (is.factor(value)) return("c")
  letter <- switch(typeof(value), integer = "i", double = "d", logical = "b", character = "c",
    list = "l", stop("A value of type ", typeof(value), " cannot be given to Spark.", call. = FALSE))
  if (letter == "l") return(if (is_uniform(value)) "a" else "l")
  if (length(value) != 1) return("a")
  if (is.na(value) && !is.nan(value)) "n" else letter
}

is_uniform <- function(values) {
  letters <- unique(vapply(values, letter_of, ""))
  length(letters) == 1 && letters %in% c("i", "d", "b", "c", "j", "r")
}

typed_bytes <- function(value) {
  letter <- letter_of(value)
  c(charToRaw(letter), value_bytes(value, letter))
}

value_bytes <- function(value, letter) {
  switch(letter,
    n = raw(),
    i = int_bytes(value),
    b = int_bytes(as.integer(value)),
    d = writeBin(as.double(value), raw(), endian = "big"),
    c = string_bytes(as.character(value)),
    r = c(int_bytes(length(value)), value),
    D = string_bytes(format(value, "%Y-%m-%d")),
    t = writeBin(as.double(as.POSIXct(value)), raw(), endian = "big"),
    j = string_bytes(value$id),
    a = array_bytes(value),
    l = c(int_bytes(length(value)), unlist(lapply(unname(value), typed_bytes))),
    e = map_bytes(value)
  )
}

array_bytes <- function(values) {
  letter <- if (length(values)) letter_of(values[[1]]) else letter_of(c(values, vector(typeof(values), 1)))
  if (letter == "n") letter <- letter_of(stats::na.omit(values)[1])
  elements <- if (is.character(values)) {
    strings_bytes(values)
  } else if (is.atomic(values) && letter %in% c("i", "d", "b")) {
    if (letter == "b") values <- as.integer(values)
    writeBin(as.vector(values), raw(), endian = "big")
  } else {
    unlist(lapply(values, value_bytes, letter))
  }
  c(charToRaw(letter), int_bytes(length(values)), elements)
}

# Many strings at once: their lengths are put between their bytes.
strings_bytes <- function(values) {
  values <- enc2utf8(values)
  sizes <- base::nchar(values, "bytes") + 1L
  heads <- rep(cumsum(c(0, sizes[-length(sizes)] + 4)), each = 4L) + 1:4
  bytes <- raw(base::sum(sizes) + 4 * length(values))
  bytes[heads] <- writeBin(sizes, raw(), endian = "big")
  bytes[-heads] <- writeBin(values, raw())
  bytes
}

map_bytes <- function(values) {
  keys <- ls(values, all.names = TRUE)
  if (!length(keys)) return(int_bytes(0L))
  elements <- lapply(keys, function(key) typed_bytes(get(key, envir = values)))
  c(
    int_bytes(length(keys)),
    charToRaw("c"), int_bytes(length(keys)), unlist(lapply(keys, string_bytes)),
    int_bytes(length(keys)), unlist(elements)
  )
}

# --- reading --------------------------------------------------------------------------------------

read_bytes <- function(connection, count) {
  bytes <- readBin(connection, "raw", count)
  if (length(bytes) < count) stop("Spark does not answer any more.", call. = FALSE)
  bytes
}

read_int <- function(connection) {
  readBin(read_bytes(connection, 4L), "integer", 1L, endian = "big")
}

read_string <- function(connection) {
  bytes <- read_bytes(connection, read_int(connection))
  text <- rawToChar(bytes[bytes != as.raw(0)])
  Encoding(text) <- "UTF-8"
  text
}

read_double <- function(connection) {
  readBin(read_bytes(connection, 8L), "double", 1L, endian = "big")
}

read_object <- function(connection) {
  read_value(connection, rawToChar(read_bytes(connection, 1L)))
}

read_value <- function(connection, letter) {
  switch(letter,
    n = NULL,
    i = read_int(connection),
    d = read_double(connection),
    b = read_int(connection) != 0L,
    c = read_string(connection),
    r = read_bytes(connection, read_int(connection)),
    D = as.Date(read_string(connection)),
    t = .POSIXct(read_double(connection)),
    j = jobj(read_string(connection)),
    a = read_array(connection),
    l = lapply(seq_len(read_int(connection)), function(i) read_object(connection)),
    e = read_map(connection),
    s = read_struct(connection),
    stop("Spark answered with an unknown type: ", letter, call. = FALSE)
  )
}

read_array <- function(connection) {
  letter <- rawToChar(read_bytes(connection, 1L))
  lapply(seq_len(read_int(connection)), function(i) read_value(connection, letter))
}

read_map <- function(connection) {
  map <- new.env()
  for (i in seq_len(read_int(connection))) {
    key <- read_string(connection)
    assign(key, read_object(connection), envir = map)
  }
  map
}

read_struct <- function(connection) {
  names <- unlist(read_object(connection))
  structure(read_object(connection), names = names, class = "struct")
}
