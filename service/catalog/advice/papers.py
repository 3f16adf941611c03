"""The papers, books and manuals that advice is taken from."""

from service.catalog.entry import Source

BARRON_2017 = Source(
    "Barron 2017, Continuously differentiable exponential linear units",
    "https://arxiv.org/abs/1704.07483",
)
BA_2016 = Source("Ba, Kiros & Hinton 2016, Layer normalization", "https://arxiv.org/abs/1607.06450")
BOOK = Source(
    "Goodfellow, Bengio & Courville 2016, Deep learning", "https://www.deeplearningbook.org/"
)
BROCK_2021 = Source(
    "Brock et al. 2021, High-performance large-scale image recognition without normalization",
    "https://arxiv.org/abs/2102.06171",
)
CLEVERT_2015 = Source(
    "Clevert, Unterthiner & Hochreiter 2015, Fast and accurate deep network "
    "learning by exponential linear units",
    "https://arxiv.org/abs/1511.07289",
)
COLLOBERT_2011 = Source(
    "Collobert et al. 2011, Natural language processing (almost) from scratch",
    "https://arxiv.org/abs/1103.0398",
)
DAUPHIN_2017 = Source(
    "Dauphin et al. 2017, Language modeling with gated convolutional networks",
    "https://arxiv.org/abs/1612.08083",
)
GITMAN_2017 = Source(
    "Gitman & Ginsburg 2017, Comparison of batch normalization and weight "
    "normalization algorithms for large-scale image classification",
    "https://arxiv.org/abs/1709.08145",
)
GLOROT_2010 = Source(
    "Glorot & Bengio 2010, Understanding the difficulty of training deep "
    "feedforward neural networks",
    "https://proceedings.mlr.press/v9/glorot10a.html",
)
GLOROT_2011 = Source(
    "Glorot, Bordes & Bengio 2011, Deep sparse rectifier neural networks",
    "https://proceedings.mlr.press/v15/glorot11a.html",
)
GOODFELLOW_2013 = Source(
    "Goodfellow et al. 2013, Maxout networks", "https://arxiv.org/abs/1302.4389"
)
HANIN_2018 = Source(
    "Hanin & Rolnick 2018, How to start training: the effect of initialization and architecture",
    "https://arxiv.org/abs/1803.01719",
)
HENDRYCKS_2016 = Source(
    "Hendrycks & Gimpel 2016, Gaussian error linear units", "https://arxiv.org/abs/1606.08415"
)
HE_2015 = Source("He et al. 2015, Delving deep into rectifiers", "https://arxiv.org/abs/1502.01852")
HOWARD_2019 = Source(
    "Howard et al. 2019, Searching for MobileNetV3", "https://arxiv.org/abs/1905.02244"
)
IOFFE_2015 = Source("Ioffe & Szegedy 2015, Batch normalization", "https://arxiv.org/abs/1502.03167")
KERAS_BATCHNORM = Source(
    "Keras, BatchNormalization layer",
    "https://keras.io/api/layers/normalization_layers/batch_normalization/",
)
KERAS_INITIALIZERS = Source(
    "Keras, Layer weight initializers", "https://keras.io/api/layers/initializers/"
)
KERAS_OPTIMIZERS = Source("Keras, Optimizers", "https://keras.io/api/optimizers/")
KLAMBAUER_2017 = Source(
    "Klambauer et al. 2017, Self-normalizing neural networks", "https://arxiv.org/abs/1706.02515"
)
KRAHENBUHL_2015 = Source(
    "Krähenbühl et al. 2015, Data-dependent initializations of convolutional neural networks",
    "https://arxiv.org/abs/1511.06856",
)
KRIZHEVSKY_2010 = Source(
    "Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10",
    "https://www.cs.toronto.edu/~kriz/conv-cifar10-aug2010.pdf",
)
KUMAR_2017 = Source(
    "Kumar 2017, On weight initialization in deep neural networks",
    "https://arxiv.org/abs/1704.08863",
)
LE_2015 = Source(
    "Le, Jaitly & Hinton 2015, A simple way to initialize recurrent networks of rectified "
    "linear units",
    "https://arxiv.org/abs/1504.00941",
)
LECUN_1998 = Source(
    "LeCun et al. 1998, Efficient BackProp", "http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf"
)
LUO_2018 = Source(
    "Luo et al. 2018, Differentiable learning-to-normalize via switchable normalization",
    "https://arxiv.org/abs/1806.10779",
)
LU_2019 = Source(
    "Lu et al. 2019, Dying ReLU and initialization: theory and numerical examples",
    "https://arxiv.org/abs/1903.06733",
)
MAAS_2013 = Source(
    "Maas, Hannun & Ng 2013, Rectifier nonlinearities improve neural network acoustic models",
    "https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf",
)
MISHKIN_2015 = Source(
    "Mishkin & Matas 2015, All you need is a good init", "https://arxiv.org/abs/1511.06422"
)
MISRA_2019 = Source(
    "Misra 2019, Mish: a self regularized non-monotonic activation function",
    "https://arxiv.org/abs/1908.08681",
)
PASCANU_2013 = Source(
    "Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks",
    "https://arxiv.org/abs/1211.5063",
)
PENNINGTON_2017 = Source(
    "Pennington, Schoenholz & Ganguli 2017, Resurrecting the sigmoid in deep "
    "learning through dynamical isometry",
    "https://arxiv.org/abs/1711.04735",
)
PYTORCH_LINEAR = Source(
    "PyTorch, torch.nn.Linear", "https://pytorch.org/docs/stable/generated/torch.nn.Linear"
)
RAMACHANDRAN_2017 = Source(
    "Ramachandran, Zoph & Le 2017, Searching for activation functions",
    "https://arxiv.org/abs/1710.05941",
)
RUMELHART_1986 = Source(
    "Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors",
    "https://doi.org/10.1038/323533a0",
)
SALIMANS_2016 = Source(
    "Salimans & Kingma 2016, Weight normalization", "https://arxiv.org/abs/1602.07868"
)
SANDLER_2018 = Source(
    "Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks",
    "https://arxiv.org/abs/1801.04381",
)
SANTURKAR_2018 = Source(
    "Santurkar et al. 2018, How does batch normalization help optimization?",
    "https://arxiv.org/abs/1805.11604",
)
SAXE_2013 = Source(
    "Saxe, McClelland & Ganguli 2013, Exact solutions to the nonlinear "
    "dynamics of learning in deep linear neural networks",
    "https://arxiv.org/abs/1312.6120",
)
SHAO_2019 = Source(
    "Shao et al. 2019, SSN: learning sparse switchable normalization via SparsestMax",
    "https://arxiv.org/abs/1903.03793",
)
SHAZEER_2020 = Source(
    "Shazeer 2020, GLU variants improve transformer", "https://arxiv.org/abs/2002.05202"
)
SO_2021 = Source(
    "So et al. 2021, Primer: searching for efficient transformers for language modeling",
    "https://arxiv.org/abs/2109.08668",
)
SUSSILLO_2014 = Source(
    "Sussillo & Abbott 2014, Random walk initialization for training very "
    "deep feedforward networks",
    "https://arxiv.org/abs/1412.6558",
)
ULYANOV_2016 = Source(
    "Ulyanov, Vedaldi & Lempitsky 2016, Instance normalization: the missing "
    "ingredient for fast stylization",
    "https://arxiv.org/abs/1607.08022",
)
WU_2018 = Source("Wu & He 2018, Group normalization", "https://arxiv.org/abs/1803.08494")
XIAO_2018 = Source(
    "Xiao et al. 2018, Dynamical isometry and a mean field theory of CNNs",
    "https://arxiv.org/abs/1806.05393",
)
XU_2015 = Source(
    "Xu et al. 2015, Empirical evaluation of rectified activations in convolutional network",
    "https://arxiv.org/abs/1505.00853",
)
YANG_2019 = Source(
    "Yang et al. 2019, A mean field theory of batch normalization",
    "https://arxiv.org/abs/1902.08129",
)
ZHANG_2019 = Source(
    "Zhang, Dauphin & Ma 2019, Fixup initialization: residual learning without normalization",
    "https://arxiv.org/abs/1901.09321",
)
ZHANG_CLIPPING_2019 = Source(
    "Zhang et al. 2019, Why gradient clipping accelerates training: a "
    "theoretical justification for adaptivity",
    "https://arxiv.org/abs/1905.11881",
)
ZHANG_SENNRICH_2019 = Source(
    "Zhang & Sennrich 2019, Root mean square layer normalization",
    "https://arxiv.org/abs/1910.07467",
)
