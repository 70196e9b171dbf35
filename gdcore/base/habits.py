"""Names that scikit-learn, Keras and PyTorch give to arguments, and their counterparts here."""

from __future__ import annotations

RATE = "the rate is the optimizer's: optimizer=gdcore.Adam({value})"
OTHER_RATE = "the rate is the optimizer's, which a Trainer and a model's fit take: optimizer=gdcore.Adam({value})"
STOP = "pass a criterion: stop=gdcore.EarlyStopping(patience=10)"
LAYERS = "a model has the layers: gdcore.MLP([n_features, 100, n_outputs])"
SIZES = "the sizes of all layers are one list, input and output included: sizes=[n_features, 100, n_outputs]"
THREADS = "gdcore.set_num_threads says on how many cores large batches run"
FROM_HERE = "fit starts from the parameters as they are, and a Trainer resumes where its last fit stopped"
WEIGHT_DECAY = "pass l2=, a penalty, or decay by the optimizer: optimizer=gdcore.AdamW(weight_decay={value})"
MOMENTUM = "it is the optimizer's: optimizer=gdcore.SGD(0.01, momentum={value})"
SCHEDULE = "a schedule is the optimizer's rate: optimizer=gdcore.SGD(gdcore.schedules.Cosine(0.1, 1000))"
BETAS = "they are the optimizer's: optimizer=gdcore.Adam(0.001, betas=(0.9, 0.999))"
MODEL = "an optimizer is given to fit or Trainer with the model, and takes no parameters"
STEPS = "the checker finds its own steps and bounds: leave it out"
AVERAGES = "the loss is a mean over samples and outputs"

HABITS: dict[str, tuple[tuple[str, str], ...]] = {
    # the rate
    "lr": (("learning_rate", ""), ("optimizer", RATE), ("", OTHER_RATE)),
    "eta": (("learning_rate", ""), ("optimizer", RATE)),
    "max_lr": (("learning_rate", ""), ("high", "")),
    "min_lr": (("min_rate", ""), ("low", ""), ("end", "")),
    "lr_scheduler": (("optimizer", SCHEDULE),),
    "momentum": (("optimizer", MOMENTUM),),
    "nesterov": (("optimizer", "it is the optimizer's: optimizer=gdcore.SGD(0.01, momentum=0.9, nesterov={value})"),),
    "weight_decay": (("optimizer", WEIGHT_DECAY), ("l2", "it is spelled l2, a penalty l2/2 * sum of w^2")),
    "betas": (("optimizer", BETAS),),
    "beta_1": (("betas", "both are one tuple: betas=({value}, 0.999)"), ("optimizer", BETAS)),
    "beta_2": (("betas", "both are one tuple: betas=(0.9, {value})"), ("optimizer", BETAS)),
    "eps": (("mode", STEPS),),
    "atol": (("mode", STEPS),),
    "rtol": (("mode", STEPS),),
    "epsilon": (
        ("eps", ""),
        ("mode", STEPS),
        ("optimizer", "it is the optimizer's: optimizer=gdcore.Adam(0.001, eps={value})"),
    ),
    "params": (("learning_rate", MODEL),),
    "model": (("learning_rate", MODEL),),
    # how long, and when it ends
    "n_iter": (("epochs", ""), ("max_steps", ""), ("steps", "")),
    "t_max": (("period", ""),),
    "t_mult": (("period_factor", ""),),
    "total_iters": (("total_steps", ""), ("period", ""), ("step_size", "")),
    "decay_rate": (("gamma", ""), ("factor", "")),
    "eta_min": (("end", ""), ("min_rate", "")),
    "warmup_steps": (("warmup", ""),),
    "last_epoch": (("per", "a trainer keeps the schedule's place: leave it out"),),
    "optimizer": (("per", "a schedule is the optimizer's rate: gdcore.SGD(gdcore.schedules.Cosine(0.1, 1000))"),),
    "start_lr": (("low", ""), ("start_factor", "")),
    "end_lr": (("high", ""), ("end", "")),
    "steps_per_epoch": (("max_steps", "an epoch is one pass over X; max_steps ends a fit after that many updates"),),
    "initial_epoch": (("epochs", FROM_HERE),),
    "warm_start": (("epochs", FROM_HERE), ("", "every " + FROM_HERE)),
    "early_stopping": (("stop", STOP),),
    "patience": (
        ("patience", ""),
        ("stop", "pass a criterion: stop=gdcore.EarlyStopping(patience={value})"),
    ),
    "monitor": (("best_of", ""), ("stop", "pass a criterion: stop=gdcore.EarlyStopping(monitor={value})")),
    "save_best_only": (("best_of", "name what is to be best: best_of='val_loss'"),),
    "save_freq": (("every", ""),),
    "filepath": (("path", ""),),
    "tol": (("stop", "pass a criterion: stop=gdcore.RelativeChange({value})"), ("min_delta", "")),
    "restore_best_weights": (("restore_best", ""), ("stop", STOP)),
    "baseline": (("stop", "pass a criterion: stop=gdcore.LossThreshold({value})"),),
    # data
    "x": (("X", ""),),
    "data": (("X", ""),),
    "y_true": (("y", ""),),
    "validation_fraction": (("validation_split", ""),),
    "eval_set": (("validation_data", "it is spelled validation_data, one pair (X, y)"),),
    "verbose": (
        ("progress", "progress=True shows how far the fit is"),
        ("callback", "a callback may print each step"),
        ("", "leave it out: what is returned prints in words"),
    ),
    "callbacks": (("callback", "it is spelled callback, one function"),),
    "random_state": (("seed", ""), ("", "the model's seed fixes it: gdcore.MLP([2, 8, 1], seed=0)")),
    "workers": (("", THREADS),),
    "device": (("", "gdcore computes on the CPU: leave it out"),),
    "reduction": (("", AVERAGES + ": leave it out"),),
    "from_logits": (("", "every loss takes raw outputs: leave it out, and the model's output_activation too"),),
    # models
    "hidden_layer_sizes": (("sizes", SIZES), ("", LAYERS)),
    "units": (
        ("out_features", "it is spelled out_features, after in_features: Dense(64, {value})"),
        ("sizes", SIZES),
        ("", LAYERS),
    ),
    "input_dim": (("in_features", ""), ("sizes", SIZES), ("", LAYERS)),
    "output_dim": (("out_features", ""), ("sizes", SIZES), ("", LAYERS)),
    "layers": (("sizes", SIZES), ("seed", "the layers are given by place: Sequential(Dense(64, 10))")),
    "out_activation": (("output_activation", ""),),
    "activations": (("activation", ""),),
    "kernel_initializer": (("weight_init", ""),),
    "bias_initializer": (("bias_init", ""),),
    "kernel_regularizer": (("l2", "pass l1= or l2=, numbers"), ("", "a Dense layer takes it, as l1= or l2=, numbers")),
    "bias_regularizer": (("", "penalties are on weights alone: leave it out"),),
    "kernel_constraint": (("max_norm", "pass max_norm=, a number"),),
    "use_bias": (("bias", ""),),
    "dropout": (
        ("in_features", "dropout is a layer of its own, after this one: gdcore.Dropout({value})"),
        ("epochs", "dropout is a layer of the model: gdcore.MLP([2, 8, 1], dropout={value})"),
    ),
    "p": (("rate", ""), ("dropout", "")),
    "probability": (("rate", ""),),
    "name": (("", "layers are called dense0, dense1, … in their order: leave it out"),),
    # penalties and limits
    "alpha": (("l2", "it is spelled l2, a penalty l2/2 * sum of w^2"), ("optimizer", RATE), ("delta", "")),
    "c": (("l2", "it is l2, a penalty that grows where C falls"),),
    "penalty": (("l2", "pass l1= or l2=, numbers"),),
    "l1_ratio": (("l1", "pass l1= and l2=, numbers of their own"),),
    "clipnorm": (
        ("clip_norm", ""),
        ("optimizer", "fit and Trainer take it: clip_norm={value}"),
        ("", "fit and Trainer take it: clip_norm={value}"),
    ),
    "clipvalue": (("clip_value", ""), ("", "fit and Trainer take it: clip_value={value}")),
    "gradient_accumulation_steps": (("accumulate", ""),),
    "ema": (("average", "pass a record: average=gdcore.EMA(0.999)"),),
    "use_ema": (("average", "pass a record: average=gdcore.EMA(0.999)"),),
    # losses, optimizers and the rest
    "criterion": (("loss", ""),),
    "optim": (("optimizer", ""),),
    "scheduler": (("optimizer", SCHEDULE),),
    "scoring": (("metrics", ""),),
    "beta": (("delta", ""), ("decay", "")),
    "tau": (("q", ""),),
    "quantile": (("q", ""),),
    "smoothing": (("label_smoothing", ""),),
    "args": (("jac", "let fun hold them: lambda x: fun(x, a, b)"),),
    "options": (("max_steps", "pass max_steps=, and the method as optimizer="),),
    "hess": (("jac", "no method here takes second derivatives: leave it out"),),
    "constraints": (("bounds", "there are bounds alone: bounds=[(0, 1), …]"),),
    "f": (("fun", ""),),
    "x_init": (("x0", ""),),
    "gradient": (("jac", ""), ("grad", "")),
}
"""A name -> pairs, of which the first applies whose argument the function has.

A pair is that argument ("" fits every function) and what the message says ("" if the argument is only spelled so).
"""

ALIASES: dict[str, tuple[str, ...]] = {
    "lr": ("learning_rate", "learning_rate_init", "eta0", "rate", "step_size", "base_lr", "initial_lr"),
    "n_iter": ("max_iter", "n_epochs", "num_epochs", "nb_epoch", "epoch", "iterations", "n_iterations",
               "num_iterations", "num_iter", "max_epochs", "niter", "maxiter", "n_steps", "num_steps"),
    "lr_scheduler": ("learning_rate_schedule", "lr_schedule", "schedule"),
    "early_stopping": ("n_iter_no_change", "early_stop"),
    "patience": ("n_iter_no_change",),
    "t_max": ("t_0",),
    "total_iters": ("decay_steps", "num_training_steps"),
    "warmup_steps": ("num_warmup_steps", "warmup_epochs"),
    "x": ("x_train", "inputs", "features", "xs", "input"),
    "y_true": ("y_train", "target", "targets", "labels", "label", "ys"),
    "eval_set": ("validation", "val_data", "valid_data", "eval_data", "test_data"),
    "validation_fraction": ("val_split", "test_size", "valid_split", "validation_size"),
    "verbose": ("verbosity", "disp", "show_progress", "log_every", "progress_bar", "tqdm"),
    "random_state": ("rng", "random_seed", "generator", "key"),
    "workers": ("n_jobs", "num_workers", "n_threads", "threads", "num_threads", "use_multiprocessing"),
    "hidden_layer_sizes": ("hidden", "hidden_sizes", "hidden_units", "hidden_layers", "hidden_size", "hidden_dim",
                           "layer_sizes", "widths", "dims", "n_hidden", "num_layers", "n_layers"),
    "units": ("n_units", "num_units", "width"),
    "input_dim": ("input_shape", "input_size", "in_channels", "n_features", "n_in", "n_inputs", "in_dim",
                  "num_features", "in_feature", "n_features_in"),
    "output_dim": ("output_size", "output_shape", "out_channels", "n_out", "n_outputs", "out_dim", "num_classes",
                   "n_classes", "out_feature"),
    "out_activation": ("final_activation", "output_act", "out_act"),
    "activations": ("act", "nonlinearity", "activation_function", "act_fn", "hidden_activation"),
    "kernel_initializer": ("init", "initializer", "weights_init", "kernel_init", "weight_initializer"),
    "use_bias": ("fit_intercept", "intercept", "with_bias", "include_bias"),
    "dropout": ("dropout_rate", "drop_rate", "drop"),
    "clipnorm": ("max_grad_norm", "grad_clip", "gradient_clip", "global_clipnorm", "clip_grad_norm",
                 "gradient_clip_val", "clip", "clipping", "max_norm"),
    "clipvalue": ("clip_grad_value",),
    "gradient_accumulation_steps": ("accumulate_grad_batches", "accumulation_steps"),
    "criterion": ("loss_fn", "loss_function", "objective", "losses", "loss_func", "cost"),
    "optim": ("solver", "method", "algorithm", "opt"),
    "nesterov": ("nesterovs_momentum",),
    "f": ("func", "function", "objective_function"),
    "x_init": ("x", "initial_guess", "start", "init_params"),
    "gradient": ("grad_fn", "fprime", "derivative", "gradients"),
    "device": ("cuda", "gpu", "to"),
    "l1_ratio": ("elastic_net",),
    "restore_best_weights": ("save_best", "restore_best_model"),
    "tol": ("tolerance", "ftol", "min_improvement"),
    "baseline": ("target_loss", "loss_threshold"),
    "alpha": ("reg", "regularization", "lambda_", "reg_lambda", "weight_penalty", "ridge"),
}  # fmt: skip
"""Other names of the same things."""


def known_as(name: str) -> tuple[tuple[str, str], ...]:
    """Return what a name means here: the rows of `HABITS` for it and for the name that it is an alias of."""
    found = HABITS.get(name, ())
    for first, others in ALIASES.items():
        if name in others:
            found += HABITS[first]
    return found


TRAINER = (
    "optimizer",
    "batch_size",
    "accumulate",
    "shuffle",
    "drop_last",
    "l1",
    "l2",
    "clip_norm",
    "clip_value",
    "layer_rates",
    "average",
    "loss",
)
FIT = (
    "epochs",
    "max_steps",
    "class_weight",
    "validation_data",
    "validation_split",
    "metrics",
    "stop",
    "callbacks",
    "record",
    "progress",
    "sample_weight",
)

ELSEWHERE: tuple[tuple[tuple[str, ...], str], ...] = (
    (TRAINER, "a Trainer takes it when it is made, and a model's own fit: {key}={value}"),
    (FIT, "fit takes it: fit(X, y, {key}={value})"),
    (("activation", "weight_init", "bias", "bias_init"), "a Dense layer takes it: gdcore.Dense(64, 10, {key}={value})"),
    (
        ("comm", "shards", "reduce"),
        "fit takes it, and other calls a block: with gdcore.distributed.spread(comm): …",
    ),
    (("dtype", "seed"), "a model takes it: gdcore.MLP([2, 8, 1], {key}={value})"),
)
"""(names, sentence): arguments that something else takes."""

POSITIONAL: dict[str, str] = {
    "Dense": "inputs and outputs stand first, as in Dense(64, 10)",
    "Standardize": "Standardize.from_data(X) measures them",
    "MinMax": "MinMax.from_data(X) measures them",
    "Log1p": "Log1p.from_data(X) counts them",
    "ScaledTarget": "ScaledTarget.from_data(y) measures them",
}
"""What to say about too few or too many positional arguments."""

TOO_MANY: dict[str, str] = {
    "MLP": 'the sizes are one list, as in MLP([5, 32, 1], "relu"); pass the others by name',
    "Trainer.fit": "the loss is the Trainer's, Trainer(model, loss); pass the others by name",
}
"""What to say if there are only too many."""

NAMES: dict[str, str] = {
    "acc": "accuracy", "categorical_accuracy": "accuracy", "sparse_categorical_accuracy": "accuracy",
    "accuracy_score": "accuracy", "mean_absolute_error": "mae", "r2_score": "r2", "r_squared": "r2",
    "top_k_categorical_accuracy": "top_k",
    "categorical_crossentropy": "cross_entropy", "sparse_categorical_crossentropy": "cross_entropy",
    "crossentropyloss": "cross_entropy", "crossentropy": "cross_entropy", "nll": "cross_entropy",
    "log_loss": "binary_cross_entropy", "logistic": "binary_cross_entropy", "logloss": "binary_cross_entropy",
    "binary_crossentropy": "binary_cross_entropy", "bcewithlogitsloss": "binary_cross_entropy",
    "squared_error": "mean_squared_error", "mseloss": "mean_squared_error", "l2": "mean_squared_error",
    "squared_loss": "mean_squared_error", "absolute_error": "mean_absolute_error", "l1": "mean_absolute_error",
    "smooth_l1": "huber", "smoothl1loss": "huber", "linear": "identity", "none": "identity",
    "swish": "silu", "leakyrelu": "leaky_relu",
    "he": "he_normal", "kaiming": "kaiming_normal", "glorot": "glorot_uniform", "xavier": "xavier_uniform",
    "lecun": "lecun_normal", "truncated_normal": "normal", "random_normal": "normal", "random_uniform": "uniform",
    "l-bfgs": "lbfgs", "l-bfgs-b": "lbfgs", "l_bfgs": "lbfgs", "momentum": "sgd", "gd": "sgd",
}  # fmt: skip
"""Names of records in other libraries -> here."""

ABSENT: dict[str, str] = {
    "softmax": "losses take raw outputs: leave it out, and ask predict_proba for the softmax",
    "log_softmax": "losses take raw outputs: leave it out, and ask predict_proba for the softmax",
}
"""Names of what does not exist here -> what to do."""
