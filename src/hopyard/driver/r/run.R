# How statements run in the R kernel: as on R's own console, with output that flows at once.
#
# IRkernel gathers what an expression prints until it is over. So it only carries the messages: it is
# asked to call run(), which sends output to the process's own stdout, and the agent reads that.

join <- function(folder, spark_home, port, secret, shelf_id) {
  library <- file.path(spark_home, "R", "lib")
  if (file.exists(file.path(library, "SparkR", "DESCRIPTION"))) {
    join_with_sparks(library, port, secret)
  } else {
    sys.source(file.path(folder, "load.R"), envir = environment(join), keep.source = FALSE)
    space <- load_sparkr(file.path(folder, "SparkR"), "4.3.0")
    space$connectBackend("localhost", port, secret)
  }
  here <- environment(join)
  assign("shelf", SparkR:::jobj(shelf_id), envir = here)
  use_session(SparkR:::callJMethod(shelf, "get", "session"))
  # Beneath the user's variables, where rm(list = ls()) does not reach them.
  delayedAssign("spark", SparkR:::getSparkSession(), assign.env = here)
  delayedAssign("sqlContext", SparkR:::getSparkSession(), assign.env = here)
  delayedAssign("sc", SparkR:::getSparkContext(), assign.env = here)
  invisible(NULL)
}

join_with_sparks <- function(library, port, secret) {
  Sys.setenv(EXISTING_SPARKR_BACKEND_PORT = port, SPARKR_BACKEND_AUTH_SECRET = secret)
  on.exit(Sys.unsetenv(c("EXISTING_SPARKR_BACKEND_PORT", "SPARKR_BACKEND_AUTH_SECRET")))
  suppressWarnings(suppressMessages({
    base::library("SparkR", lib.loc = c(library, .libPaths()), character.only = TRUE)
    SparkR::sparkR.session()
  }))
}

use_session <- function(session) {
  space <- asNamespace("SparkR")
  if (exists(".sparkREnv", envir = space)) {
    assign(".sparkRsession", session, envir = space$.sparkREnv)
  } else {
    space$.backend$session <- session
  }
}

# Python asks: R knows no sockets of this kind. The value comes through a pipe.
hopyard.secret <- function(name, owner = NULL) {
  words <- c("-P", "-m", "hopyard.ask", shQuote(c(name, owner)))
  printed <- suppressWarnings(system2(Sys.getenv("PYSPARK_DRIVER_PYTHON"), words, stdout = TRUE))
  answer <- jsonlite::fromJSON(paste(printed, collapse = "\n"))
  if (is.null(answer$value)) stop(answer$fault, call. = FALSE)
  answer$value
}

# In the place of R's own, which would end the process, and IRkernel's, which do nothing.
quit <- function(save = "default", status = 0, runLast = TRUE) {
  text <- paste("The statement ended here. The session goes on with its variables; it ends with its",
    "notebook's kernel, or when it is deleted.")
  stop(structure(list(message = text, call = NULL), class = c("Quit", "error", "condition")))
}
q <- quit

# --- what code asks -------------------------------------------------------------------------------

# IRkernel's readline() and getPass() wait here for the answer.
answer_of <- function(kernel, refused) {
  force(refused)
  function() {
    stdin <- kernel$sockets$stdin
    # IRkernel's own cannot be interrupted.
    repeat {
      pbdZMQ::zmq.poll(c(stdin), pbdZMQ::ZMQ.PO()$POLLIN, MC = pbdZMQ::ZMQ.MC(check.eintr = TRUE))
      if (bitwAnd(pbdZMQ::zmq.poll.get.revents(1), pbdZMQ::ZMQ.PO()$POLLIN)) break
    }
    value <- kernel$wire_to_msg(pbdZMQ::zmq.recv.multipart(stdin, unserialize = FALSE))$content$value
    if (startsWith(value, refused)) {
      stop("This statement asked for input, and ", substring(value, nchar(refused) + 1), ".", call. = FALSE)
    }
    value
  }
}

let_ask <- function(refused) {
  kernel <- environment(IRkernel:::runtime_env$comm_manager$send_response)$.self
  kernel$executor$handle_stdin <- answer_of(kernel, refused)
  options(askpass = function(prompt) kernel$executor$get_pass(prompt))
}

# --- running code ---------------------------------------------------------------------------------

run <- function(code, group, description) {
  sink(getConnection(1)) # stdout() would be what it is diverted to now
  depth <- sink.number()
  on.exit(while (sink.number() >= depth) sink())
  try(SparkR::setJobGroup(group, description, TRUE), silent = TRUE)
  state <- new.env()
  state$warnings <- list()
  tryCatch(
    withCallingHandlers(
      run_all(code, state, group),
      message = function(condition) {
        cat(as_users(conditionMessage, condition), file = stderr())
        invokeRestart("muffleMessage")
      },
      warning = function(condition) {
        if (getOption("warn") >= 2) return()
        if (getOption("warn") >= 0) state$warnings <- c(state$warnings, list(condition))
        if (getOption("warn") == 1) show_warnings(state)
        invokeRestart("muffleWarning")
      },
      error = function(condition) {
        state$calls <- sys.calls()
        state$sparks <- vapply(seq_along(state$calls), function(i) {
          identical(environment(sys.function(i)), asNamespace("SparkR"))
        }, NA)
      }
    ),
    error = function(condition) failed(condition, state),
    interrupt = function(condition) publish_error("Interrupted", "The statement was interrupted.", character())
  )
  while (sink.number() > depth) sink() # what the code itself left behind
  show_warnings(state)
  invisible(NULL)
}

run_all <- function(code, state, group) {
  lines <- strsplit(code, "\n", fixed = TRUE)[[1]]
  expressions <- parse(text = lines, keep.source = TRUE, srcfile = srcfilecopy("<cell>", lines))
  for (i in seq_along(expressions)) {
    result <- withVisible(user_code(expressions[[i]]))
    if (i == length(expressions)) keep_frame(group, result$value)
    if (!result$visible) next
    if (i < length(expressions)) show_value(result$value) else publish_value(result$value)
  }
}

user_code <- function(expression) eval(expression, globalenv())

show_value <- function(value) if (isS4(value)) methods::show(value) else as_users(base::print, value)

# Call a generic function from where the user's code stands: R looks for its methods there.
as_users <- function(generic, value) eval(as.call(list(generic, quote(value))), list(value = value), globalenv())

publish_value <- function(value) {
  text <- paste(utils::capture.output(show_value(value)), collapse = "\n")
  data <- list()
  if (nzchar(text)) data[["text/plain"]] <- text
  if (inherits(value, c("data.frame", "htmlwidget", "shiny.tag", "shiny.tag.list", "html"))) {
    data[["text/html"]] <- tryCatch(repr::repr_html(value), error = function(condition) NULL)
  }
  if (length(data)) publish(data, list(result = TRUE))
}

publish <- function(data, metadata) {
  getOption("jupyter.base_display_func")(data, list(hopyard = metadata))
}

# --- rows that are fetched ------------------------------------------------------------------------

FRAMES <- 10 # of as many statements
kept <- list()

# Of what is no DataFrame, the class alone is kept.
keep_frame <- function(group, value) {
  if (!is.data.frame(value) && !methods::is(value, "SparkDataFrame")) {
    value <- structure(list(class(value)[1]), class = "hopyard_other")
  }
  found <- c(kept[names(kept) != group], stats::setNames(list(value), group))
  assign("kept", utils::tail(found, FRAMES), envir = environment(keep_frame))
}

# Hand a DataFrame to the agent, at a place of the shelf. R's own goes to Spark first.
show_frame <- function(place, group, name) tryCatch({
  value <- if (is.null(name)) kept[[group]] else get0(name, globalenv(), inherits = FALSE)
  own <- if (is.data.frame(value)) names(value)
  if (is.data.frame(value)) value <- suppressWarnings(SparkR::createDataFrame(value))
  if (!methods::is(value, "SparkDataFrame")) stop(why_no_frame(value, name), call. = FALSE)
  rows <- value@sdf
  if (length(own)) rows <- SparkR:::callJMethod(rows, "toDF", as.list(own)) # with the dots
  SparkR:::callJMethod(shelf, "put", place, rows)
  invisible(NULL)
}, error = function(condition) publish_error("NoFrame", conditionMessage(condition), character()))

why_no_frame <- function(value, name) {
  if (is.null(value) && is.null(name)) {
    return(sprintf("The values of the last %d statements are kept, not this one's.", FRAMES))
  }
  if (is.null(value) && !exists(name, globalenv(), inherits = FALSE)) {
    return(sprintf("There is no variable '%s'.", name))
  }
  what <- if (is.null(name)) "The value of this statement's last expression" else sprintf("'%s'", name)
  kind <- if (inherits(value, "hopyard_other")) value[[1]] else class(value)[1]
  sprintf("%s is no DataFrame but of class %s: a SparkDataFrame or a data.frame can be fetched.", what, kind)
}

# --- what went wrong ------------------------------------------------------------------------------

failed <- function(condition, state) {
  message <- as_users(conditionMessage, condition)
  name <- class(condition)[1]
  if (name %in% c("simpleError", "rlang_error")) name <- "Error"
  call <- conditionCall(condition)
  place <- if (is_users(call)) paste0(" in ", one_line(call)) else ""
  if (grepl("^<cell>:\\d+:\\d+:", message)) {
    name <- "ParseError"
    place <- ""
  }
  head <- paste0("Error", place, ": ", message)
  publish_error(name, message, c(head, frames(state$calls, state$sparks)))
}

publish_error <- function(name, message, traceback) {
  error <- list(ename = name, evalue = message, traceback = as.list(traceback))
  publish(structure(list(), names = character()), list(error = error))
}

is_users <- function(call) !is.null(call) && !identical(call, quote(eval(expression, globalenv())))

# The calls of the user's own code, outermost first, with their lines.
frames <- function(calls, sparks) {
  ours <- vapply(calls, function(call) identical(call[[1]], quote(user_code)), NA)
  if (!any(ours)) return(character())
  from <- max(which(ours)) + 3L # eval() is there twice
  signals <- vapply(calls, function(call) {
    identical(call[[1]], quote(.handleSimpleError)) || is.function(call[[1]])
  }, NA)
  past <- seq_along(calls) >= from
  # What goes on inside of SparkR and of signalling is nobody's business.
  to <- min(which(past & sparks), which(past & signals) - 1L, length(calls))
  if (to < from) return(character())
  calls <- calls[from:to]
  text <- vapply(seq_along(calls), function(i) {
    reference <- attr(calls[[i]], "srcref")
    line <- if (is.null(reference) || !grepl("<cell>", attr(reference, "srcfile")$filename, fixed = TRUE)) "" else {
      paste0(" at line ", reference[1])
    }
    paste0(i, ". ", one_line(calls[[i]]), line)
  }, "")
  c("Traceback:", text)
}

one_line <- function(call) {
  text <- deparse(call, nlines = 2)
  if (length(text) > 1) paste(text[1], "...") else text
}

show_warnings <- function(state) {
  found <- state$warnings
  state$warnings <- list()
  if (!length(found)) return(invisible(NULL))
  shown <- utils::head(found, 50)
  text <- vapply(shown, function(condition) {
    call <- conditionCall(condition)
    place <- if (is_users(call)) paste0("In ", one_line(call), " : ") else ""
    paste0(place, as_users(conditionMessage, condition))
  }, "")
  if (length(text) > 1) text <- paste0(seq_along(text), ": ", text)
  head <- if (length(text) > 1) "Warning messages:" else "Warning message:"
  cat(head, text, if (length(found) > 50) paste("and", length(found) - 50, "more"), sep = "\n", file = stderr())
}
