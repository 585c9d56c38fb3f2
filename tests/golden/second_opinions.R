# Golden values of the second opinions, from R's own packages.
#
#   Rscript second_opinions.R > second_opinions.json
#
# Debian 12: r-base-core r-cran-metafor r-cran-segmented r-cran-geepack r-cran-sandwich r-cran-mgcv.
# The inputs are drawn here with a fixed seed and printed beside the outputs.
suppressPackageStartupMessages({
  library(metafor); library(segmented); library(geepack); library(sandwich); library(mgcv)
})
set.seed(20231)

num <- function(x) paste0("[", paste(formatC(as.numeric(x), digits = 15, width = 1), collapse = ", "), "]")
one <- function(x) formatC(as.numeric(x), digits = 15, width = 1)
record <- function(...) {
  parts <- list(...)
  paste0("{", paste(sprintf('"%s": %s', names(parts), unlist(parts)), collapse = ", "), "}")
}

# --- one curve of 20 checkpoints: falls to 10.4, rises after it
x <- seq(9, 11.5, length.out = 20)
y <- ifelse(x < 10.4, 0.5 - 0.15 * (x - 9), 0.29 + 0.2 * (x - 10.4)) + rnorm(20, 0, 0.012)

# quadratic: u-test by its definition, Fieller by solving (b + 2 c v)^2 = t^2 Var(b + 2 c v)
xc <- x - mean(x)
q <- lm(y ~ xc + I(xc^2))
V <- vcov(q); b <- coef(q)[2]; c2 <- coef(q)[3]
tangent <- function(v) b + 2 * c2 * v
tangent.se <- function(v) sqrt(V[2, 2] + 4 * v * V[2, 3] + 4 * v^2 * V[3, 3])
ends <- range(xc)
t.ends <- tangent(ends) / tangent.se(ends) * c(-1, 1) * sign(c2)
p.u <- max(pt(t.ends, df.residual(q), lower.tail = FALSE))
edge <- function(v) abs(tangent(v)) - qt(.975, df.residual(q)) * tangent.se(v)
turn <- -b / (2 * c2)
lo <- uniroot(edge, c(turn - 1.5, turn), tol = 1e-12)$root + mean(x)
hi <- uniroot(edge, c(turn, turn + 1.5), tol = 1e-12)$root + mean(x)
quadratic <- record(turn = one(turn + mean(x)), lo = one(lo), hi = one(hi), p = one(p.u),
                    fitted = num(fitted(q)))

# segmented regression, and the profile of its breakpoint by one lm per breakpoint
s <- segmented(lm(y ~ x), seg.Z = ~x, psi = 10.3,
               control = seg.control(tol = 1e-12, it.max = 200, n.boot = 50))
psi <- s$psi[1, 2]
rss <- function(b) deviance(lm(y ~ pmin(x - b, 0) + pmax(x - b, 0)))
grid <- seq(x[2], x[19], length.out = 4001)
profile <- sapply(grid, rss)
inside <- grid[profile <= rss(psi) * (1 + qf(.95, 1, 16) / 16)]
slopes <- coef(lm(y ~ pmin(x - psi, 0) + pmax(x - psi, 0)))[2:3]
segments <- record(breakpoint = one(psi), rss = one(rss(psi)), lo = one(min(inside)),
                   hi = one(max(inside)), slopes = num(slopes))

# interrupted regression at a given breakpoint with HC3, as in Simonsohn's two lines
at <- 10.3
lines <- function(high) {
  d <- x - at
  m <- lm(y ~ ifelse(high, 0, d) + ifelse(high, d, 0) + as.numeric(high))
  list(b = coef(m), se = sqrt(diag(vcovHC(m, "HC3"))), df = df.residual(m))
}
first <- lines(x > at); second <- lines(x >= at)
interrupted <- record(at = one(at),
  before_slope = one(first$b[2]), before_t = one(first$b[2] / first$se[2]),
  before_p = one(2 * pt(-abs(first$b[2] / first$se[2]), first$df)),
  after_slope = one(second$b[3]), after_t = one(second$b[3] / second$se[3]),
  after_p = one(2 * pt(-abs(second$b[3] / second$se[3]), second$df)))

# the whole of Simonsohn's algorithm, with mgcv's smoother
g <- predict(gam(y ~ s(x, bs = "cr")), se.fit = TRUE)
z <- function(at) {
  at <<- at
  f <- lines(x > at); a <- lines(x >= at)
  c(f$b[2] / f$se[2], a$b[3] / a$se[3])
}
middle <- x > quantile(x, .1) & x < quantile(x, .9)
flat <- x[middle & (g$fit - g$se.fit <= min(g$fit[middle]))]
zs <- abs(z(median(flat)))
robin <- quantile(flat, zs[2] / sum(zs))
z.final <- z(robin)
twolines <- record(flat = num(flat), breakpoint = one(robin), t = num(z.final),
                   p = one(max(2 * pt(-abs(z.final), 16))))

# smoothing spline, penalty by generalised cross-validation
sp <- smooth.spline(x, y, cv = FALSE, all.knots = TRUE, control.spar = list(tol = 1e-10, low = 0, high = 1.5))
spline <- record(fitted = num(predict(sp, x)$y))

# broken power law by nls from the truth; its residual sum of squares
u <- seq(0, 1, length.out = 30)
law <- 0.1 + 0.6 * exp(-1.5 * u) * (1 + exp((u - 0.55) / 0.08))^(3.5 * 0.08)
ylaw <- law + rnorm(30, 0, 0.004)
m <- nls(ylaw ~ a + f * exp(-c0 * u) * (1 + exp((u - d) / w))^(-c1 * w),
         start = list(a = 0.1, f = 0.6, c0 = 1.5, c1 = -3.5, d = 0.55, w = 0.08),
         algorithm = "port", control = nls.control(maxiter = 500, warnOnly = TRUE),
         lower = c(-Inf, -Inf, -8, -16, 0.05, 0.02), upper = c(Inf, Inf, 8, 16, 0.95, 0.5))
power <- record(position = num(u), value = num(ylaw), truth = num(law), rss = one(deviance(m)),
                fitted = num(fitted(m)))

# --- items: 80 items at 7 checkpoints, clustered by item
n <- 80; k <- 7
xi <- seq(-1.2, 1.2, length.out = k)
ability <- rnorm(n, 0, 1.2)
score <- t(sapply(ability, function(a) rbinom(k, 1, plogis(-0.4 + 0.3 * xi + 0.7 * xi^2 + a))))
long <- data.frame(id = rep(1:n, each = k), x = rep(xi, n), y = as.vector(t(score)))
gee <- function(corstr) {
  m <- geeglm(y ~ x + I(x^2), id = id, data = long, family = binomial, corstr = corstr,
              control = geese.control(epsilon = 1e-12, maxit = 200))
  record(coefficients = num(coef(m)), covariance = num(m$geese$vbeta),
         correlation = one(if (corstr == "independence") 0 else m$geese$alpha))
}
items <- record(position = num(xi), scores = num(t(score)), n_items = one(n),
                independence = gee("independence"), exchangeable = gee("exchangeable"))

# --- movement of a turn with size: six sizes
size <- log10(c(7e7, 1.6e8, 4.1e8, 1e9, 1.4e9, 2.8e9))
place <- 9.6 + 0.35 * (size - 8) + rnorm(6, 0, 0.12)
se <- c(0.05, 0.12, 0.08, 0.1, 0.04, 0.15)
meta <- function(method, test) {
  m <- rma(yi = place, sei = se, mods = ~ size, method = method, test = test,
           control = list(threshold = 1e-12, maxiter = 1000))
  record(tau2 = one(m$tau2), slope = one(m$beta[2]), se = one(m$se[2]),
         lo = one(m$ci.lb[2]), hi = one(m$ci.ub[2]), p = one(m$pval[2]), q = one(m$QE),
         q_p = one(m$QEp))
}
movement <- record(size = num(size), place = num(place), se = num(se),
                   dl = meta("DL", "knha"), reml = meta("REML", "knha"))

# --- surface over size and tokens: 5 sizes x 9 checkpoints
grid2 <- expand.grid(t = seq(9, 11.4, length.out = 9), s = log10(c(7e7, 1.6e8, 4.1e8, 1e9, 2.8e9)))
z2 <- with(grid2, 0.4 + 0.05 * (t - 10.1 - 0.2 * (s - 8.6))^2 + 0.02 * (s - 8.6)) + rnorm(45, 0, 0.01)
ts <- grid2$t - mean(grid2$t); ss <- grid2$s - mean(grid2$s)
sf <- lm(z2 ~ ss + ts + I(ts^2) + ss:ts)
cf <- coef(sf); vc <- vcov(sf)
# the ridge: t* = -(b_t + b_st s) / (2 b_tt); its movement with size -b_st / (2 b_tt), delta method
move <- -cf["ss:ts"] / (2 * cf["I(ts^2)"])
gr <- c(0, 0, 0, 0, 0); names(gr) <- names(cf)
gr["ss:ts"] <- -1 / (2 * cf["I(ts^2)"]); gr["I(ts^2)"] <- cf["ss:ts"] / (2 * cf["I(ts^2)"]^2)
surface <- record(tokens = num(grid2$t), size = num(grid2$s), value = num(z2),
  coefficients = num(cf), movement = one(move), movement_se = one(sqrt(t(gr) %*% vc %*% gr)),
  turn_at_mean = one(mean(grid2$t) - cf["ts"] / (2 * cf["I(ts^2)"])), r2 = one(summary(sf)$r.squared))

# --- seeds as replicates: two-way layout of 4 seeds x 6 checkpoints
seeds <- matrix(rnorm(24, 0, 0.02), 4, 6) + rnorm(4, 0, 0.05) + rep(seq(0.2, 0.5, length.out = 6), each = 4)
an <- anova(lm(as.vector(seeds) ~ factor(rep(1:4, 6)) + factor(rep(1:6, each = 4))))
replicates <- record(value = num(t(seeds)), residual_mean_square = one(an["Residuals", "Mean Sq"]),
                     df = one(an["Residuals", "Df"]), seed_mean_square = one(an[1, "Mean Sq"]))

versions <- paste0('"', R.version.string, '", ', paste(sprintf('"%s %s"',
  c("metafor", "segmented", "geepack", "sandwich", "mgcv"),
  sapply(c("metafor", "segmented", "geepack", "sandwich", "mgcv"), function(p) as.character(packageVersion(p)))),
  collapse = ", "))
cat(sprintf('{\n"made_with": [%s],\n', versions))
cat(sprintf('"curve": %s,\n', record(position = num(x), value = num(y))))
blocks <- list(quadratic = quadratic, segmented = segments, interrupted = interrupted,
  two_lines = twolines, smoothing_spline = spline, broken_power_law = power, items = items,
  movement = movement, surface = surface, replicates = replicates)
cat(paste(sprintf('"%s": %s', names(blocks), unlist(blocks)), collapse = ",\n"))
cat("\n}\n")
