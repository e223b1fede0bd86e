# R's site profile of an application that spark-submit runs with a Spark that has no SparkR: ours is
# there when the application begins, sparkR.session() starts Spark.

.First <- function() {
  rm(".First", envir = globalenv())
  folder <- Sys.getenv("HOPYARD_R")
  Sys.unsetenv(c("R_PROFILE", "HOPYARD_R")) # an R that the application starts is none of Spark's
  sites <- file.path(R.home("etc"), "Rprofile.site")
  if (file.exists(sites)) sys.source(sites, envir = globalenv())
  # Before SparkR, whose names hide some of theirs.
  for (package in getOption("defaultPackages")) {
    suppressPackageStartupMessages(base::library(package, character.only = TRUE))
  }
  here <- new.env()
  sys.source(file.path(folder, "load.R"), envir = here, keep.source = FALSE)
  space <- here$load_sparkr(file.path(folder, "SparkR"), "4.3.0")
  space$own_session()
  space$connectBackend(
    "localhost", Sys.getenv("EXISTING_SPARKR_BACKEND_PORT"), Sys.getenv("SPARKR_BACKEND_AUTH_SECRET")
  )
  Sys.unsetenv(c("EXISTING_SPARKR_BACKEND_PORT", "SPARKR_BACKEND_AUTH_SECRET"))
}
