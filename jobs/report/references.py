"""The literature that the document may cite."""

REFERENCES = {
    "baldi-hornik": (
        "P. Baldi, K. Hornik. Neural networks and principal component analysis: learning from "
        "examples without local minima. Neural Networks 2 (1), 1989, 53–58."
    ),
    "george": (
        "T. George et al. Fast approximate natural gradient descent in a Kronecker-factored "
        "eigenbasis. NeurIPS 2018, arXiv:1806.03884."
    ),
    "ghosh": (
        "P. Ghosh, M. S. M. Sajjadi, A. Vergari, M. Black, B. Schölkopf. From variational to "
        "deterministic autoencoders. ICLR 2020, arXiv:1903.12436."
    ),
    "glorot-bengio": (
        "X. Glorot, Y. Bengio. Understanding the difficulty of training deep feedforward neural "
        "networks. AISTATS 2010, 249–256."
    ),
    "facco": (
        "E. Facco, M. d’Errico, A. Rodriguez, A. Laio. Estimating the intrinsic dimension of "
        "datasets by a minimal neighborhood information. Scientific Reports 7, 2017, 12140."
    ),
    "heusel": (
        "M. Heusel et al. GANs trained by a two time-scale update rule converge to a local Nash "
        "equilibrium. NeurIPS 2017, arXiv:1706.08500."
    ),
    "hinton-salakhutdinov": (
        "G. E. Hinton, R. R. Salakhutdinov. Reducing the dimensionality of data with neural "
        "networks. Science 313, 2006, 504–507."
    ),
    "holm": (
        "S. Holm. A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
        "Statistics 6 (2), 1979, 65–70."
    ),
    "kingma-ba": (
        "D. P. Kingma, J. Ba. Adam: a method for stochastic optimization. ICLR 2015, "
        "arXiv:1412.6980."
    ),
    "dozat": "T. Dozat. Incorporating Nesterov momentum into Adam. ICLR 2016, workshop.",
    "lecun": (
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document "
        "recognition. Proceedings of the IEEE 86 (11), 1998, 2278–2324."
    ),
    "martens-grosse": (
        "J. Martens, R. Grosse. Optimizing neural networks with Kronecker-factored approximate "
        "curvature. ICML 2015, arXiv:1503.05671."
    ),
    "miller": (
        "wiltonmiller. ae-vs-pca-replication, report/figures/test_mse_vs_latent.png. "
        "github.com/wiltonmiller/ae-vs-pca-replication."
    ),
    "molybog": (
        "I. Molybog et al. A theory on Adam instability in large-scale machine learning. 2023, "
        "arXiv:2304.09871."
    ),
    "vyas": (
        "N. Vyas et al. SOAP: improving and stabilizing Shampoo using Adam. 2024, arXiv:2409.11321."
    ),
    "welch": (
        "B. L. Welch. The generalization of “Student’s” problem when several different population "
        "variances are involved. Biometrika 34 (1–2), 1947, 28–35."
    ),
}
"""Key -> reference."""
