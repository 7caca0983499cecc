"""What stands above each figure: name, title, how to read it; in the order of the page."""

CAPTIONS = (
    (
        "dependency",
        "Longest solved dependency",
        "Share of seeds that solve the task against the length of its dependency; a point is a length that was "
        "trained, the line the fitted rate that never rises. A diamond marks where the fit falls through one half, if "
        "it does between lengths that were trained, a bar the 95 % interval, where there is one. Architectures "
        "are drawn a little apart where they would hide each other.",
    ),
    (
        "pareto",
        "Skill against what it costs",
        "Normalised skill, mean over seeds with Student's interval where one is given, against speed of training, peak "
        "memory, parameters, and the floats that a streaming model carries from step to step. The dotted line joins "
        "the architectures that no other one beats on both counts, by their means alone; they are named. Skills below "
        "\N{MINUS SIGN}1 are named at the bottom and not drawn.",
    ),
    (
        "learning",
        "Learning curves",
        "Score on the validation set while training, every seed a line; of more than 50 in a panel a sample, on a band "
        "that holds 80 % of all, and the axis says so. Dashed: the trivial baseline. Dotted: the threshold for solved. "
        "Scores where lower is better have a logarithmic axis if they span a factor of 20.",
    ),
    (
        "solving",
        "Steps to solve",
        "Share of runs that have not solved the task yet; one that fails, diverges or comes to the end of its budget "
        "never does. Bars: interval of the median, where it has two ends. Bands, where a panel has at most three "
        "architectures: 95 %, pointwise (Kaplan and Meier, log-log). The axis of steps is logarithmic. Lines are drawn "
        "a little apart where they would hide each other.",
    ),
    (
        "across-tasks",
        "Performance profiles",
        "Share of runs whose skill is above a value, every task weighing the same, with its pointwise 95 % band (5 "
        "seeds cover less); further up is better. Skill 0 is the trivial baseline, 1 the best possible loss.",
    ),
    (
        "profile",
        "How far back gradients reach",
        "Norm of the gradient of one answer's loss with respect to the embedded input so many steps before it. Thick: "
        "median over seeds and answers; thin: a seed, all of them up to 50 lines a panel. Below the dotted line a "
        "gradient is lost in float32 when it is added to the largest one; curves that leave the panel are below 1e-12 "
        "of the highest in its row, or zero; gaps are infinite.",
    ),
    (
        "flow",
        "How gradients change while training",
        "The same gradient for one seed of each architecture, from before training (bottom) to its end (top). Each "
        "shade is half a decade below the largest value of its row; a tile in the colour of text is no finite number. "
        "The word is the verdict at the end: vanishing or exploding where the fitted exponential changes by more than "
        "3 decades over the task, healthy between.",
    ),
    (
        "states",
        "What states and outputs pass on",
        "Left: norm of the total derivative of the last answer's loss with respect to the first layer's hidden state. "
        "Middle and right do not depend on a loss: root-mean-square size of the Jacobian of the whole recurrent state "
        "with respect to itself so many steps before, and of the output with respect to the embedded input, estimated "
        "from random projections. Medians over seeds; dotted: before training.",
    ),
    (
        "norm",
        "Gradient norm while training",
        "L2 norm over all parameters, before clipping; both axes logarithmic. Thick: median over seeds, as far as all "
        "of them got; thin: a seed, all of them up to 50 lines a panel. A cross marks where a run diverged.",
    ),
    (
        "saliency",
        "What trained models depend on",
        "Norm of the gradient of an answer's score with respect to the embedded input so many steps before it, for one "
        "seed of each architecture; every answer is a row, shaded within itself; a tile in the colour of text is no "
        "finite number. The share says for how many answers the largest value lies within one step of the lag that the "
        "task says matters.",
    ),
    (
        "attention",
        "Where trained models attend",
        "Attention weights at the answers, of the head that finds the lag that matters most often, or the mean over "
        "heads where the task names none. The share says for how many answers its largest weight lies within one step. "
        "A tile in the colour of text is no finite number.",
    ),
    (
        "gates",
        "How long gates hold",
        "Left: the time constant that each unit's gates imply alone, from the share of the state that they keep; "
        "units in ascending order. Right: that share along the sequence, mean over units. One seed, one line a layer.",
    ),
)

COST_CAPTIONS = (
    (
        "speed",
        "Training steps per second",
        "Median over rounds, each measured alone in a fresh process, with its 99 % interval; of fewer than 8 rounds "
        "there is none, and the line between two ticks spans the slowest and the fastest.",
    ),
    (
        "scaling",
        "Cost against length",
        "A point is a median over rounds, the bar through it a 99 % interval. Dotted: how the FLOPs grow, drawn "
        "through the longest length; a curve flatter than that spends its time on something else at short lengths.",
    ),
    (
        "streaming",
        "Streaming inference against position",
        "Time of one step of one sequence from the state after so many steps, and the size of that state. A recurrence "
        "carries as much at every position; attention carries its past. Architectures that carry equally much share a "
        "line.",
    ),
)
