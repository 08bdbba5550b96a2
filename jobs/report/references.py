"""The literature that the document may cite."""

REFERENCES = {
    "baldi-hornik": (
        "P. Baldi, K. Hornik. Neural networks and principal component analysis: learning from "
        "examples without local minima. Neural Networks 2 (1), 1989, 53–58."
    ),
    "glorot-bengio": (
        "X. Glorot, Y. Bengio. Understanding the difficulty of training deep feedforward neural "
        "networks. AISTATS 2010, 249–256."
    ),
    "kingma-ba": (
        "D. P. Kingma, J. Ba. Adam: a method for stochastic optimization. ICLR 2015, "
        "arXiv:1412.6980."
    ),
    "lecun": (
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document "
        "recognition. Proceedings of the IEEE 86 (11), 1998, 2278–2324."
    ),
    "martens-grosse": (
        "J. Martens, R. Grosse. Optimizing neural networks with Kronecker-factored approximate "
        "curvature. ICML 2015, arXiv:1503.05671."
    ),
    "molybog": (
        "I. Molybog et al. A theory on Adam instability in large-scale machine learning. 2023, "
        "arXiv:2304.09871."
    ),
    "vyas": (
        "N. Vyas et al. SOAP: improving and stabilizing Shampoo using Adam. 2024, arXiv:2409.11321."
    ),
}
"""Key -> reference."""
